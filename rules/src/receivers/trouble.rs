//! Reports about receivers and flows that have no room, for people and other nodes: which due timers wait for them, and why.

use std::collections::HashSet;
use std::time::Duration;

use super::Postponed;
use super::lane::Full;
use super::route::{Route, hash};
use crate::domain::timer::Timer;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Calls fail over and over, and no more are made for a while.
    Breaker,
    /// The receiver has asked to be left alone.
    RetryAfter,
    /// The timers were held back, and are called again, a few at first.
    Recovery,
    /// Calls begin at the highest rate that is allowed.
    Rate,
    /// As many calls are in progress as are allowed.
    Concurrency,
}

impl Reason {
    pub const EACH: [Self; 5] =
        [Self::Breaker, Self::RetryAfter, Self::Recovery, Self::Rate, Self::Concurrency];

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::RetryAfter => "retry_after",
            Self::Recovery => "recovery",
            Self::Rate => "rate",
            Self::Concurrency => "concurrency",
        }
    }

    pub fn of(why: Postponed, full: Full) -> Self {
        match (why, full) {
            (Postponed::Breaker, _) => Self::Breaker,
            (Postponed::RetryAfter, _) => Self::RetryAfter,
            (Postponed::Recovery, _) => Self::Recovery,
            (Postponed::Receiver | Postponed::Flow, Full::Rate) => Self::Rate,
            (Postponed::Receiver | Postponed::Flow, Full::Places) | (Postponed::Node, _) => Self::Concurrency,
        }
    }
}

/// The receiver, path, shape or flow whose timers wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// All timers of a receiver, which is a host and port.
    Receiver(String),
    /// The timers of one of its paths, by the path's hash.
    Path(String, u64),
    /// The timers of all its paths that look alike, by the hash of their shape.
    Shape(String, u64),
    /// All timers of a flow.
    Flow(String),
}

impl Whose {
    /// One of the [`keys`] of each timer that waits for this.
    pub fn key(&self) -> u64 {
        match self {
            Self::Receiver(receiver) => hash(receiver),
            Self::Path(receiver, path) => joined(hash(receiver), *path),
            Self::Shape(receiver, shape) => joined(hash(receiver), shape.rotate_left(1)),
            Self::Flow(flow) => of_flow(flow),
        }
    }

    /// The receiver, if it is not a flow.
    pub fn receiver(&self) -> Option<&str> {
        match self {
            Self::Receiver(receiver) | Self::Path(receiver, _) | Self::Shape(receiver, _) => Some(receiver),
            Self::Flow(_) => None,
        }
    }
}

/// The keys by which a timer's troubles are found: of its path, of its path's shape, of its receiver, and of its flow (0 for a timer
/// without one).
pub fn keys(timer: &Timer) -> [u64; 4] {
    let receiver = hash(&timer.target.url.authority());
    let route = Route::to(&timer.target.url);
    let flow = timer.flow.as_ref().map_or(0, |flow| of_flow(&flow.key));
    [joined(receiver, route.path), joined(receiver, route.shape.rotate_left(1)), receiver, flow]
}

fn of_flow(key: &str) -> u64 {
    hash(key).rotate_left(2)
}

fn joined(one: u64, other: u64) -> u64 {
    (one ^ other.rotate_left(32)).wrapping_mul(0x0100_0000_01b3)
}

/// A report that some timers wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub whose: Whose,
    pub reason: Reason,
    /// How much longer they wait, as far as is known.
    pub lasts: Duration,
    /// How often timers were postponed because of it.
    pub postponed: u64,
}

/// The timers that wait for a receiver or a flow, by their keys.
#[derive(Clone, Debug, Default)]
pub struct Waits(HashSet<u32>);

impl FromIterator<u64> for Waits {
    /// Takes the keys of those that have no room, cut to 32 bits: a timer that is shown as waiting by chance does no harm.
    fn from_iter<I: IntoIterator<Item = u64>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| key as u32).collect())
    }
}

impl Waits {
    /// Whether timers with one of these [`keys`], cut to 32 bits, wait.
    pub fn has(&self, cut: [u32; 4]) -> bool {
        cut.iter().any(|key| self.0.contains(key))
    }

    /// Whether no timer waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
