//! Which nodes there are, how many of them work, and how far their clocks and that of NATS are from this node's.
//!
//! Rules only: what is heard and when it was heard come in as arguments. `heartbeat` has the loop, `nats` the
//! messages. What is known here is good for sharing limits and for people; no promise about a timer rests on it.

mod offset;
mod roster;
mod setup;
mod skew;

use std::time::Instant;

use uuid::Uuid;

use crate::domain::time::Timestamp;

pub use offset::{Offset, ServerClock, ServerSample};
pub use roster::{Heard, Peer, Roster};
pub use setup::{Difference, Digest, MAX_INSTALLATION_CHARS, Setup};
pub use skew::{Skew, SkewAlarm, Turn};

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It serves the API and calls receivers.
    All,
    /// It serves the API.
    Api,
    /// It calls receivers.
    Worker,
}

impl Role {
    /// All of them.
    pub const EACH: [Self; 3] = [Self::All, Self::Api, Self::Worker];

    /// Its name, as in `--role`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }

    /// Whether such a node calls receivers.
    pub const fn works(self) -> bool {
        match self {
            Self::All | Self::Worker => true,
            Self::Api => false,
        }
    }
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running,
    /// It takes nothing new and finishes its calls.
    Stopping,
    /// It is about to end and has no call in progress.
    Gone,
}

impl Life {
    /// All of them.
    pub const EACH: [Self; 3] = [Self::Running, Self::Stopping, Self::Gone];

    /// Its name, as others read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Gone => "gone",
        }
    }
}

/// Who a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Drawn by each process for itself: two nodes that were given one name are two nodes.
    pub instance: Uuid,
    /// Its name in records and logs.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does.
    pub role: Role,
    /// What it should have as the others have it; none if it does not say, as nodes of older versions.
    pub setup: Option<Setup>,
}

/// What a node says once a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Who says it.
    pub node: Node,
    /// How it is.
    pub life: Life,
    /// Its clock when it said so.
    pub clock: Timestamp,
    /// The highest sequence that it has seen in the bucket of timers; 0 if it has seen none.
    pub seen: u64,
}

/// An instant, by the clock that may be set and by the one that only goes on.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For spans. It tells nothing of the time of day.
    pub steady: Instant,
    /// By this node's clock.
    pub clock: Timestamp,
}
