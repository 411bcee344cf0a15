//! Late timers by receiver, for `jettimer doctor`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rules::domain::time::Timestamp;
use rules::domain::timer::{State, Timer};
use rules::receivers::{Reason, Trouble, keys};

/// How late an attempt may be before it counts: later than on any healthy node.
const GRACE: Duration = Duration::from_secs(5);

/// The most receivers that are counted separately; timers of further receivers are counted together.
const MAX_RECEIVERS: usize = 1_000;

/// Counts late timers by receiver.
#[derive(Debug, Default)]
pub struct Late {
    /// Troubles that nodes report, by the keys of the timers that wait.
    troubles: HashMap<u64, Trouble>,
    counts: Mutex<HashMap<String, Count>>,
}

/// The late timers of one receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub late: usize,
    /// Those with a reason that a node reports.
    pub held_up: usize,
    /// The reason for one of them.
    pub reason: Option<Reason>,
}

impl Late {
    /// No late timers yet; these are the troubles that nodes report.
    pub fn of(troubles: Vec<Trouble>) -> Self {
        let troubles = troubles.into_iter().map(|trouble| (trouble.whose.key(), trouble)).collect();
        Self { troubles, counts: Mutex::default() }
    }

    /// Counts a timer if it is late.
    pub fn look_at(&self, timer: &Timer, now: Timestamp) {
        let State::Scheduled { at, .. } = timer.state else { return };
        if at.saturating_add(GRACE) > now {
            return;
        }
        let trouble = keys(timer).into_iter().find_map(|key| self.troubles.get(&key));
        let receiver = timer.target.url.authority();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counts.len() < MAX_RECEIVERS || counts.contains_key(&receiver);
        let count = counts.entry(if known { receiver } else { "other receivers".to_owned() }).or_default();
        count.late += 1;
        count.held_up += usize::from(trouble.is_some());
        count.reason = count.reason.or(trouble.map(|trouble| trouble.reason));
    }

    /// Each receiver that has late timers, those with the most first.
    pub fn counts(&self) -> Vec<(String, Count)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = counts.iter().map(|(receiver, count)| (receiver.clone(), *count)).collect();
        all.sort_by(|(a, one), (b, other)| other.late.cmp(&one.late).then_with(|| a.cmp(b)));
        all
    }
}
