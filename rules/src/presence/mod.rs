//! Which nodes there are, how many of them call receivers, and how far their clocks and NATS' clock are from this node's.
//!
//! Rules only: messages and their times come in as arguments. `heartbeat` has the loop, `nats` the messages. The knowledge
//! here serves to share limits and to inform people; no promise about a timer rests on it.

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It serves the API and calls receivers.
    All,
    /// It serves the API and calls no receiver.
    Api,
    /// It calls receivers, and serves health checks instead of the API.
    Worker,
}

impl Role {
    pub const EACH: [Self; 3] = [Self::All, Self::Api, Self::Worker];

    /// The role's name, as in `--role`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }

    pub const fn works(self) -> bool {
        match self {
            Self::All | Self::Worker => true,
            Self::Api => false,
        }
    }
}

/// The phase of life that a node is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Running,
    /// It takes no new work and finishes its calls.
    Stopping,
    /// It is about to end and has no call in progress.
    Gone,
}

impl Life {
    pub const EACH: [Self; 3] = [Self::Running, Self::Stopping, Self::Gone];

    /// The name of the phase, as other nodes read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Gone => "gone",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Drawn by each process for itself, so two nodes with the same name are two nodes.
    pub instance: Uuid,
    /// The node's name in records and logs.
    pub name: String,
    pub version: String,
    pub role: Role,
    /// The settings that it should share with the others; `None` if it does not tell them, as nodes of older versions.
    pub setup: Option<Setup>,
}

/// The message that a node publishes once a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    pub node: Node,
    pub life: Life,
    /// The sender's clock when it sent the beat.
    pub clock: Timestamp,
    /// The highest sequence that the sender has seen in the bucket of timers; 0 if it has seen none.
    pub seen: u64,
}

/// An instant, by the clock that may be set and by the monotonic one.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For spans. It does not tell the time of day.
    pub steady: Instant,
    /// By this node's clock.
    pub clock: Timestamp,
}
