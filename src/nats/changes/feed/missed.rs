//! What a reader of the feed gets: an event, or the report of events that it has missed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::nats::changes::event::Event;

/// Why a reader has missed events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Timers may have ended since the reader's position whose records have left, since they are kept for this long.
    Left { retention: Duration },
    /// The bucket is another one than the reader's position belongs to, or it was restored.
    Anew,
    /// The bucket has gone back to this change: NATS lost the later ones, or its data was restored.
    Undone {
        /// The last change that is still as the reader got it.
        kept: u64,
    },
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left { retention } => write!(
                f,
                "the reader was away for longer than finished timers are kept ({}); those that have ended and left since then \
                 are not in the feed",
                humantime::format_duration(*retention)
            ),
            Self::Anew => f.write_str(
                "the feed has started over; the events that follow tell of all timers, each as it is now",
            ),
            Self::Undone { kept } => write!(
                f,
                "NATS lost events, or its data was restored; the events that follow tell of all timers that have changed since \
                 event {kept}, each as it is now"
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
