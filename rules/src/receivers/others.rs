//! Receivers and flows that have no room according to other nodes. This is for people and metrics: a node decides by its own calls
//! alone.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::trouble::Trouble;

/// The troubles of a node are forgotten after this time without a message from it. It repeats its message each second.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// The most nodes whose troubles are remembered.
const MAX_NODES: usize = 256;

/// The troubles of all other nodes.
#[derive(Debug, Default)]
pub struct Others {
    said: HashMap<Uuid, Said>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    /// By the keys of the timers that wait.
    troubles: HashMap<u64, Trouble>,
}

impl Others {
    /// Replaces the earlier troubles of this instance.
    pub fn hear(&mut self, instance: Uuid, troubles: Vec<Trouble>, now: Instant) {
        self.said.retain(|_, said| now.saturating_duration_since(said.at) < FORGOTTEN);
        if troubles.is_empty() {
            self.said.remove(&instance);
        } else if self.said.len() < MAX_NODES || self.said.contains_key(&instance) {
            let troubles = troubles.into_iter().map(|trouble| (trouble.whose.key(), trouble)).collect();
            self.said.insert(instance, Said { at: now, troubles });
        }
    }

    /// The trouble that a timer with these keys waits for. Of several, it is the one that lasts longest.
    pub fn waits(&self, keys: [u64; 4], now: Instant) -> Option<Trouble> {
        let found = keys.iter().flat_map(|key| self.said(now).filter_map(move |said| said.of(*key, now)));
        found.max_by_key(|trouble| trouble.lasts)
    }

    /// Adds the keys of timers that wait.
    pub fn keys(&self, now: Instant, into: &mut HashSet<u64>) {
        into.extend(self.said(now).flat_map(|said| said.troubles.keys().copied()));
    }

    fn said(&self, now: Instant) -> impl Iterator<Item = &Said> {
        self.said.values().filter(move |said| now.saturating_duration_since(said.at) < FORGOTTEN)
    }
}

impl Said {
    fn of(&self, key: u64, now: Instant) -> Option<Trouble> {
        let trouble = self.troubles.get(&key)?.clone();
        Some(Trouble {
            lasts: trouble.lasts.saturating_sub(now.saturating_duration_since(self.at)),
            ..trouble
        })
    }
}
