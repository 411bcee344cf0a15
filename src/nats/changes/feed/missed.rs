//! What a reader of the feed gets: an event, or the report of events that it has missed.

use std::fmt;
use std::sync::Arc;

use crate::nats::changes::event::Event;

/// Why a reader has missed events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// These events, both included, were removed before the reader got them.
    Removed { from: u64, to: u64 },
    /// The stream refused this many events, so no reader gets them.
    Refused { count: u64 },
    /// The stream is another one than the reader's position belongs to: it was deleted and created again.
    Anew,
    /// The stream has gone back to this event: NATS lost the later ones, or its data was restored.
    Undone {
        /// The last event that is still as the reader got it.
        kept: u64,
    },
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed { from, to } => write!(f, "events {from} to {to} are no longer kept"),
            Self::Refused { count } => write!(
                f,
                "NATS did not keep {count} events, as of timers whose earlier events are no longer kept; lists and records \
                 have these changes"
            ),
            Self::Anew => {
                f.write_str("the feed has started over; the events that follow are all that it has")
            }
            Self::Undone { kept } => write!(
                f,
                "NATS lost events, or its data was restored; the events that follow are all that the feed has after event {kept}"
            ),
        }
    }
}

/// An item of the feed for a reader.
#[derive(Debug)]
pub enum Heard {
    Event(Arc<Event>),
    /// Events that the reader can no longer get.
    Missed(Missed),
}
