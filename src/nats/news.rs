//! News: of an event no more than is counted, which is quicker to read than the whole timer.

use super::event::kind;
use super::names::evented_timer;
use super::record;
use super::tail::Seen;
use crate::domain::time::Timestamp;
use crate::domain::timer::State;
use crate::history::Happened;

/// What an event means for counting.
#[derive(Debug)]
pub struct News {
    /// When the server stored it, by its clock.
    pub at: Timestamp,
    /// What has happened, if it is anything that is counted.
    pub happened: Option<Happened>,
    /// Whether there is no newer event at this moment.
    pub is_newest: bool,
}

impl News {
    /// The news that a message of the stream is.
    pub(super) fn of(seen: &Seen) -> Option<Self> {
        Some(Self { at: seen.stored_at, happened: happened(seen), is_newest: seen.pending == 0 })
    }
}

fn happened(seen: &Seen) -> Option<Happened> {
    if evented_timer(&seen.subject).is_none() || seen.header("KV-Operation").is_some() {
        return None;
    }
    let state = record::state_of(&seen.payload).ok()?;
    match &state {
        State::Scheduled { .. } => (kind(seen, &state) == "created").then_some(Happened::Created),
        State::Firing { claim, .. } => Some(Happened::Fired { late: claim.since.since(claim.due_at) }),
        State::Delivered { .. } => Some(Happened::Delivered),
        State::Failed { .. } => Some(Happened::Failed),
        State::Unknown { .. } => Some(Happened::Unknown),
        State::Cancelled { .. } => Some(Happened::Cancelled),
    }
}
