//! The queries of the index: which timers, in which order.

use std::ops::Range;

use super::{Entry, label};
use crate::domain::host::HostPort;
use crate::domain::state_set::StateSet;
use crate::domain::time::Timestamp;
use crate::domain::timer::Timer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The soonest due first.
    Due,
    DueDesc,
    /// The oldest first.
    Created,
    CreatedDesc,
}

impl Sort {
    pub const ALL: [Self; 4] = [Self::Due, Self::DueDesc, Self::Created, Self::CreatedDesc];

    /// The name of the order, in queries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::DueDesc => "-due",
            Self::Created => "created",
            Self::CreatedDesc => "-created",
        }
    }

    pub(super) const fn is_by_due(self) -> bool {
        matches!(self, Self::Due | Self::DueDesc)
    }

    pub(super) const fn is_descending(self) -> bool {
        matches!(self, Self::DueDesc | Self::CreatedDesc)
    }
}

/// Which timers match; by default all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Empty means any.
    pub states: StateSet,
    pub due: Range<Timestamp>,
    pub created: Range<Timestamp>,
    /// The URL's host, and its port if the filter has one.
    pub host: Option<HostPort>,
    /// Labels of which the timer must have all.
    pub metadata: Vec<(String, String)>,
}

pub(super) const ALWAYS: Range<Timestamp> = Timestamp::from_micros(0)..Timestamp::from_micros(u64::MAX);

impl Default for Filter {
    fn default() -> Self {
        Self { states: StateSet::default(), due: ALWAYS, created: ALWAYS, host: None, metadata: vec![] }
    }
}

impl Filter {
    pub fn matches(&self, timer: &Timer) -> bool {
        self.wanted().contains(timer.state.kind())
            && self.due.contains(&timer.due_at)
            && self.created.contains(&timer.created_at)
            && self.host.as_ref().is_none_or(|host| host.fits(&timer.target.url))
            && self.metadata.iter().all(|(key, value)| timer.metadata.get(key) == Some(value))
    }

    /// The states that match.
    pub fn wanted(&self) -> StateSet {
        if self.states.is_empty() { StateSet::ALL } else { self.states }
    }

    /// Whether the entry may match, given that its state does.
    pub(super) fn may_match(&self, entry: &Entry, labels: &[u64]) -> bool {
        self.due.contains(&entry.due_at)
            && self.created.contains(&entry.created_at)
            && self.host.as_ref().is_none_or(|host| entry.is_at(host))
            && labels.iter().all(|wanted| entry.labels.contains(wanted))
    }

    pub(super) fn labels(&self) -> Vec<u64> {
        self.metadata.iter().map(|(key, value)| label(key, value)).collect()
    }
}
