//! The timers that exist: an index in memory by which API nodes find timers, for lists, counts and
//! cancelling by filter.
//!
//! Pure: other modules fill and query it. It holds the fields for sorting and filtering, 560 bytes for a timer with two labels, and
//! no timer: pages are read from the bucket afterwards, and checked against the filter again.
//!
//! **Invariant:** at most `limit` timers are indexed, with 560 bytes each on average: one with twenty labels and a host of its own
//! takes 2.2 KB. Once a timer was left out, the index says that it is not complete.

mod cursor;
mod entry;
mod few;
mod page;
mod query;
mod size;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::state_kind::PerKind;
use crate::domain::time::{Now, Timestamp};
use crate::domain::timer::{State, Timer, TimerId};

use crate::history::{Happened, Seen, happened};
use crate::receivers::{Waits, keys};
use entry::{Entry, host_name, label};

pub use cursor::Cursor;
pub use page::Page;
pub use query::{Filter, Sort};
pub use size::{Size, max_bytes};

/// How late an attempt may be before it counts as overdue: later than on a healthy node. It is in the world's time, in which
/// the node works.
const OVERDUE_GRACE: Duration = Duration::from_secs(5);

/// Ordered by instant, then by id, so that each place is unique.
type Ordered = BTreeSet<(Timestamp, TimerId)>;

pub struct Index {
    limit: usize,
    /// Bytes that the entries and the hosts take.
    bytes: usize,
    complete: bool,
    entries: HashMap<TimerId, Entry>,
    /// By due instant, for each state.
    due: PerKind<Ordered>,
    /// By instant of creation, for each state.
    created: PerKind<Ordered>,
    /// Scheduled timers by their next attempt.
    waiting: Ordered,
    /// Those that leave by themselves, by when they do.
    expiring: Ordered,
    /// Hashes of hosts and labels, each with the timers that have it.
    named: BTreeSet<(u64, TimerId)>,
    /// How many timers with one name count as few: a page then looks at those only, rather than at all timers in their order.
    few: usize,
    /// Each host once, shared by its entries.
    hosts: HashSet<Arc<str>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Timers in each state.
    pub by_state: PerKind<usize>,
    /// Scheduled timers whose attempt should have begun.
    pub overdue: usize,
    /// Overdue timers that wait for their receiver or their flow.
    pub held_up: usize,
}

impl Index {
    /// An empty index of at most `limit` timers.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: 0,
            complete: true,
            entries: HashMap::new(),
            due: PerKind::default(),
            created: PerKind::default(),
            waiting: Ordered::new(),
            expiring: Ordered::new(),
            named: BTreeSet::new(),
            few: few::MAX_FEW,
            hosts: HashSet::new(),
        }
    }

    /// Takes over a version of a timer, which leaves by itself at `expires_at`; an older version than the known one changes nothing.
    /// Returns the events that the version adds, if the timer is indexed.
    pub fn apply(
        &mut self,
        timer: &Timer,
        revision: u64,
        expires_at: Option<Timestamp>,
    ) -> Vec<(Timestamp, Happened)> {
        let known = self.entries.get(&timer.id);
        if known.is_some_and(|known| known.revision >= revision) {
            return Vec::new();
        }
        let before = known.map(|known| known.seen);
        self.take_out(timer.id);
        let size = Size::of(timer);
        let entry = Entry {
            revision,
            state: timer.state.kind(),
            due_at: timer.due_at,
            created_at: timer.created_at,
            waiting: match timer.state {
                State::Scheduled { at, .. } => Some(at),
                State::Firing { .. }
                | State::Delivered { .. }
                | State::Failed { .. }
                | State::Cancelled { .. }
                | State::Unknown { .. } => None,
            },
            expires_at,
            seen: Seen::of(timer),
            needs: keys(timer).map(|key| key as u32),
            host: Arc::from(&*timer.target.url.host_name()),
            port: timer.target.url.port(),
            labels: timer.metadata.iter().map(|(key, value)| label(key, value)).collect(),
            record: u32::try_from(size.record).unwrap_or(u32::MAX),
            summary: u32::try_from(size.summary).unwrap_or(u32::MAX),
        };
        let new_host = if self.hosts.contains(&entry.host) { 0 } else { size::taken_by_host(&entry.host) };
        let bytes = self.bytes + size::taken(&entry) + new_host;
        if self.entries.len() >= self.limit || bytes > max_bytes(self.limit) {
            self.complete = false;
            return Vec::new();
        }
        self.bytes = bytes;
        let entry = Entry { host: self.interned(entry.host), ..entry };
        self.due[entry.state].insert((entry.due_at, timer.id));
        self.created[entry.state].insert((entry.created_at, timer.id));
        self.waiting.extend(entry.waiting.map(|at| (at, timer.id)));
        self.expiring.extend(entry.expires_at.map(|at| (at, timer.id)));
        self.named.extend(entry.names().map(|name| (name, timer.id)));
        self.entries.insert(timer.id, entry);
        happened(before, timer)
    }

    /// The size of an indexed timer.
    pub fn size(&self, id: TimerId) -> Option<Size> {
        let entry = self.entries.get(&id)?;
        Some(Size { record: entry.record as usize, summary: entry.summary as usize })
    }

    /// Bytes that the index takes, as it counts them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets a timer that was removed at this revision.
    pub fn remove(&mut self, id: TimerId, revision: u64) {
        if self.entries.get(&id).is_some_and(|known| known.revision < revision) {
            self.take_out(id);
        }
    }

    /// Forgets the timers that have left by themselves.
    pub fn expire(&mut self, now: Timestamp) {
        while let Some((at, id)) = self.expiring.first().copied().filter(|(at, _)| *at <= now) {
            self.take_out(id);
            // Also if no timer was taken out, so that the loop ends.
            self.expiring.remove(&(at, id));
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether every timer is indexed.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Counts timers; `waits` tells which ones wait for their receiver or their flow.
    pub fn counts(&self, waits: &Waits, now: impl Now) -> Counts {
        let late = (now.at().saturating_sub(now.by_the_clock(OVERDUE_GRACE)), TimerId::nil());
        Counts {
            by_state: PerKind(self.due.0.each_ref().map(BTreeSet::len)),
            overdue: self.waiting.range(..late).count(),
            held_up: if waits.is_empty() {
                0
            } else {
                let entries = self.waiting.range(..late).filter_map(|(_, id)| self.entries.get(id));
                entries.filter(|entry| waits.has(entry.needs)).count()
            },
        }
    }

    fn take_out(&mut self, id: TimerId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        self.due[entry.state].remove(&(entry.due_at, id));
        self.created[entry.state].remove(&(entry.created_at, id));
        if let Some(at) = entry.waiting {
            self.waiting.remove(&(at, id));
        }
        if let Some(at) = entry.expires_at {
            self.expiring.remove(&(at, id));
        }
        for name in entry.names() {
            self.named.remove(&(name, id));
        }
        self.bytes -= size::taken(&entry);
        // Held by this entry and the set only: no other entry has this host.
        if Arc::strong_count(&entry.host) == 2 {
            self.hosts.remove(&entry.host);
            self.bytes -= size::taken_by_host(&entry.host);
        }
    }

    fn interned(&mut self, host: Arc<str>) -> Arc<str> {
        if let Some(known) = self.hosts.get(&host) {
            return known.clone();
        }
        self.hosts.insert(host.clone());
        host
    }
}

#[cfg(test)]
mod tests;
