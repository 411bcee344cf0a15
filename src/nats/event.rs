//! An event: one version of one record, and what it says has happened.

use super::names::evented_timer;
use super::record;
use super::tail::Seen;
use crate::domain::timer::{State, Timer};

/// What happened to a timer.
#[derive(Debug)]
pub struct Event {
    /// Its place in the feed.
    pub sequence: u64,
    /// `created`, `changed` (which a retry is too), or the name of the state it has got into.
    pub kind: &'static str,
    /// The timer from then on.
    pub timer: Box<Timer>,
}

impl Event {
    /// The event that a message of the stream is; `None` if it is no version of a timer.
    pub(super) fn of(seen: &Seen) -> Option<Self> {
        if evented_timer(&seen.subject).is_none() || seen.header("KV-Operation").is_some() {
            return None;
        }
        let timer = record::from_json(&seen.payload).ok()?;
        Some(Self { sequence: seen.sequence, kind: kind(seen, &timer), timer: Box::new(timer) })
    }
}

fn kind(seen: &Seen, timer: &Timer) -> &'static str {
    match timer.state {
        // The server says which revision was there before; none, of a timer that is new.
        State::Scheduled { .. } if seen.header("Nats-Last-Sequence") == Some("0") => "created",
        State::Scheduled { .. } => "changed",
        State::Firing { .. }
        | State::Delivered { .. }
        | State::Failed { .. }
        | State::Cancelled { .. }
        | State::Unknown { .. } => timer.state.name(),
    }
}
