//! A timer and the states it goes through.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::attempt::{Attempt, Delivery};
use crate::domain::callbacks::Callbacks;
use crate::domain::flow::Flow;
use crate::domain::retry::RetryPolicy;
use crate::domain::target::Target;
use crate::domain::time::Timestamp;

/// The timeout of one attempt if the timer names none.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The shortest timeout: below it, a healthy receiver far away would fail.
pub const MIN_TIMEOUT: Duration = Duration::from_millis(100);
/// The longest timeout. A claim lasts at least this long after its node has died.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// How many finished attempts a record keeps, the newest; it bounds the record's size.
pub const MAX_ATTEMPTS_KEPT: usize = 20;

/// The most characters of a node's name: a host name of 64 bytes, a process id, and room; it is in each attempt.
pub const MAX_NODE_NAME_CHARS: usize = 128;

/// The most entries of [`Timer::metadata`].
pub const MAX_METADATA: usize = 20;
/// The most characters of a metadata key: code points, as JSON Schema counts them.
pub const MAX_METADATA_KEY_CHARS: usize = 64;
/// The most characters of a metadata value.
pub const MAX_METADATA_VALUE_CHARS: usize = 512;

/// A timer's name: a UUID, version 7 or, made of an idempotency key, version 5.
pub type TimerId = Uuid;

/// A claim's name: drawn for each try to claim, so that a worker recognises its own.
pub type ClaimId = Uuid;

/// A timer, as everyone agrees it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    /// The timer's name.
    pub id: TimerId,
    /// When it was created, by the clock of the node that did.
    pub created_at: Timestamp,
    /// When it was promised to be called first. Attempts after the first do not move it.
    pub due_at: Timestamp,
    /// What is called.
    pub target: Target,
    /// What is promised about calls of unknown result.
    pub delivery: Delivery,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// When and how often it is tried again.
    pub retry: RetryPolicy,
    /// The limits that it shares with others, if it names any.
    pub flow: Option<Flow>,
    /// Who else is told how it ends.
    pub callbacks: Callbacks,
    /// The client's own labels, never sent.
    pub metadata: BTreeMap<String, String>,
    /// The name of the token that it was created with, if one was needed.
    pub created_by: Option<String>,
    /// The name of the token that last changed what is sent, where to, or who is told, if it is not the one that created the
    /// timer.
    pub set_by: Option<String>,
    /// The trace that it was created in (`traceparent` of W3C Trace Context), which its calls are a part of; none if its
    /// creator named none.
    pub traceparent: Option<String>,
    /// A digest of the request that created it, if that carried an idempotency key.
    pub fingerprint: Option<Uuid>,
    /// How many attempts had been started when the timer was last replayed, 0 if it never was: a replay
    /// has the retry policy's attempts anew, and numbers go on.
    pub attempts_before: u32,
    /// When it was last replayed, if it was: the retry policy's deadline counts from there.
    pub replayed_at: Option<Timestamp>,
    /// The latest instant that an earlier version of the timer waited for, if the timer gave that instant up: it was
    /// cancelled, moved to an earlier one, or fired before it.
    pub gave_up_at: Option<Timestamp>,
    /// The newest finished attempts, oldest first, at most [`MAX_ATTEMPTS_KEPT`].
    pub attempts: Vec<Attempt>,
    /// What a later version has stored beside all this: not understood here, and kept as it is.
    pub later: Option<String>,
    /// Where it is in its life.
    pub state: State,
}

/// Where a timer is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waiting.
    Scheduled {
        /// The number that the next attempt has, from 1.
        attempt: u32,
        /// When that attempt is due.
        at: Timestamp,
    },
    /// A worker has claimed an attempt and is calling, or died doing so.
    Firing {
        /// The attempt's number.
        attempt: u32,
        /// Who calls.
        claim: Claim,
    },
    /// Final: the receiver answered with a 2xx.
    Delivered {
        /// When the outcome was known.
        at: Timestamp,
    },
    /// Final unless a client replays it: it was not delivered and will not be tried again.
    Failed {
        /// The number of the last attempt.
        attempt: u32,
        /// When that was decided.
        at: Timestamp,
        /// For people: what the last attempt came to, and why there is no other.
        reason: String,
    },
    /// Final: cancelled before it was called.
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// Final unless its claimant turns out to be alive: whether the receiver was called by this
    /// attempt is not known, and it is not called again unless a client replays it.
    Unknown {
        /// The attempt's number.
        attempt: u32,
        /// Why it is not known.
        doubt: Doubt,
        /// When it was given up.
        at: Timestamp,
    },
}

/// Why it is not known whether the receiver was called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// The holder of this claim did not report the outcome of its call.
    NoOutcome(Claim),
    /// The record is an older version of the timer that the broker or a backup brought back. What happened after that
    /// version was stored is not known.
    Restored,
}

/// The right to make one call, held by one worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Told apart from every other claim by this.
    pub id: ClaimId,
    /// The claimant's node name, for people.
    pub node: String,
    /// When the attempt was due.
    pub due_at: Timestamp,
    /// When it was claimed, by the claimant's clock.
    pub since: Timestamp,
    /// Past this instant the claimant is taken for dead.
    pub lease_until: Timestamp,
}

impl State {
    /// Whether nothing more happens to the timer.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Scheduled { .. } | Self::Firing { .. } => false,
            Self::Delivered { .. } | Self::Failed { .. } | Self::Cancelled { .. } | Self::Unknown { .. } => {
                true
            }
        }
    }

    /// When the timer ended, if it has.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Scheduled { .. } | Self::Firing { .. } => None,
            Self::Delivered { at }
            | Self::Failed { at, .. }
            | Self::Cancelled { at }
            | Self::Unknown { at, .. } => Some(*at),
        }
    }

    /// The state's name in the API, in the stored record and in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "scheduled",
            Self::Firing { .. } => "firing",
            Self::Delivered { .. } => "delivered",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Unknown { .. } => "unknown",
        }
    }
}

impl Timer {
    /// A timer that waits for its first attempt, with everything that a client may leave out left out.
    pub fn waiting(id: TimerId, created_at: Timestamp, due_at: Timestamp, target: Target) -> Self {
        Self {
            id,
            created_at,
            due_at,
            target,
            delivery: Delivery::AtMostOnce,
            timeout: DEFAULT_TIMEOUT,
            retry: RetryPolicy::default(),
            flow: None,
            callbacks: Callbacks::default(),
            metadata: BTreeMap::new(),
            created_by: None,
            set_by: None,
            traceparent: None,
            fingerprint: None,
            attempts_before: 0,
            replayed_at: None,
            gave_up_at: None,
            attempts: vec![],
            later: None,
            state: State::Scheduled { attempt: 1, at: due_at },
        }
    }

    /// The token with whose secret the timer is signed: the one that last said what is sent and where to.
    pub fn signer(&self) -> Option<&str> {
        self.set_by.as_deref().or(self.created_by.as_deref())
    }

    /// Whole seconds until due, rounded up; zero once due, or once it is not waiting any more.
    pub fn seconds_left(&self, now: Timestamp) -> u64 {
        match self.state {
            State::Scheduled { .. } => self.due_at.seconds_left(now),
            State::Firing { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => 0,
        }
    }

    /// The timer, which no longer waits for the instant that it waits for now.
    pub fn giving_up(&self) -> Self {
        let at = match self.state {
            State::Scheduled { at, .. } => Some(at),
            State::Firing { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => None,
        };
        Self { gave_up_at: self.gave_up_at.max(at), ..self.clone() }
    }

    /// Whether an attempt is to be made now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Scheduled { at, .. } if at <= now)
    }

    /// The number of `attempt` among those that the retry policy counts, from 1: those since the last
    /// replay.
    pub fn counted(&self, attempt: u32) -> u32 {
        attempt.saturating_sub(self.attempts_before)
    }

    /// From when on the retry policy's deadline counts.
    pub fn retried_since(&self) -> Timestamp {
        self.replayed_at.unwrap_or(self.due_at)
    }

    /// How many attempts have been started, as far as the record can tell.
    pub fn attempts_started(&self) -> u32 {
        match &self.state {
            State::Scheduled { attempt, .. } => attempt.saturating_sub(1),
            State::Firing { attempt, .. }
            | State::Unknown { attempt, .. }
            | State::Failed { attempt, .. } => *attempt,
            State::Delivered { .. } | State::Cancelled { .. } => {
                self.attempts.last().map_or(0, |last| last.number)
            }
        }
    }
}
