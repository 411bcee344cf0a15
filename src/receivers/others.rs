//! Receivers and flows that have no room, as other nodes tell. It is for people and numbers: a node decides by its own calls
//! alone.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::trouble::Trouble;

/// A node repeats its message each second. After this time without one, its troubles are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// The most nodes of which something is remembered.
const MAX_NODES: usize = 256;

/// The troubles of all other nodes.
#[derive(Debug, Default)]
pub(super) struct Others {
    said: HashMap<Uuid, Said>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    /// By the keys of the timers that wait.
    troubles: HashMap<u64, Trouble>,
}

impl Others {
    /// Takes the place of all that this node has told before.
    pub(super) fn hear(&mut self, instance: Uuid, troubles: Vec<Trouble>, now: Instant) {
        self.said.retain(|_, said| now.saturating_duration_since(said.at) < FORGOTTEN);
        if troubles.is_empty() {
            self.said.remove(&instance);
        } else if self.said.len() < MAX_NODES || self.said.contains_key(&instance) {
            let troubles = troubles.into_iter().map(|trouble| (trouble.whose.key(), trouble)).collect();
            self.said.insert(instance, Said { at: now, troubles });
        }
    }

    /// Why a timer waits that has these keys, the first of them first, and how much longer.
    pub(super) fn waits(&self, keys: [u64; 4], now: Instant) -> Option<Trouble> {
        let found = keys.iter().flat_map(|key| self.said(now).filter_map(move |said| said.of(*key, now)));
        found.max_by_key(|trouble| trouble.lasts)
    }

    /// The keys of timers that wait.
    pub(super) fn keys(&self, now: Instant, into: &mut HashSet<u64>) {
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
