//! A timer and the states it goes through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::attempt::{Attempt, Delivery};
use crate::domain::callbacks::Callbacks;
use crate::domain::flow::Flow;
use crate::domain::retry::RetryPolicy;
use crate::domain::state_kind::StateKind;
use crate::domain::target::Target;
use crate::domain::time::Timestamp;

/// The timeout of one attempt if the timer names none.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The shortest timeout. With a shorter one, a healthy receiver far away would fail.
pub const MIN_TIMEOUT: Duration = Duration::from_millis(100);
/// The longest timeout. The claim of a node that has died lasts up to this long, and
/// [`LEASE_MARGIN`](crate::domain::machine::LEASE_MARGIN) more.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// How many finished attempts a record keeps: the newest ones. This bounds the record's size.
pub const MAX_ATTEMPTS_KEPT: usize = 20;

/// The most characters of a node's name: a host name of 64 bytes, a process id, and room. Each attempt contains the name.
pub const MAX_NODE_NAME_CHARS: usize = 128;

/// The most entries of [`Timer::metadata`].
pub const MAX_METADATA: usize = 20;
/// The most characters of a metadata key: code points, as JSON Schema counts them.
pub const MAX_METADATA_KEY_CHARS: usize = 64;
/// The most characters of a metadata value.
pub const MAX_METADATA_VALUE_CHARS: usize = 512;

/// A timer's name: a UUID of version 7, or of version 5 if it is made of an idempotency key.
pub type TimerId = Uuid;

/// A claim's name. It is drawn for each try to claim, so that a worker recognises its own claim.
pub type ClaimId = Uuid;

/// A timer, as all nodes agree on it. Each step makes another version of it. The parts that a step leaves alone and that may be large
/// (the target, the labels, the calls of its attempts) are shared between the versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    pub id: TimerId,
    /// When it was created, by the clock of the node that created it.
    pub created_at: Timestamp,
    /// The instant that was promised for the first call. Attempts after the first do not move it.
    pub due_at: Timestamp,
    pub target: Target,
    /// The promise about calls whose result is not known.
    pub delivery: Delivery,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// When and how often it is tried again.
    pub retry: RetryPolicy,
    /// The limits that it shares with other timers, if it names any.
    pub flow: Option<Flow>,
    /// The URLs that are told how it ends.
    pub callbacks: Callbacks,
    /// The client's own labels, never sent.
    pub metadata: Arc<BTreeMap<String, String>>,
    /// The name of the token that created it, if one was needed.
    pub created_by: Option<String>,
    /// The name of the token that last changed the request, the labels or the callbacks, if it is not the token that created the
    /// timer.
    pub set_by: Option<String>,
    /// The trace that it was created in (`traceparent` of W3C Trace Context), which its calls are a part of. `None` if its
    /// creator named none.
    pub traceparent: Option<String>,
    /// A digest of the request that created it, if that carried an idempotency key.
    pub fingerprint: Option<Uuid>,
    /// How many attempts had been started when the timer was last replayed, 0 if it never was. A replay has all the attempts of
    /// the retry policy again, and numbers go on.
    pub attempts_before: u32,
    /// When it was last replayed, if it was. The retry policy's deadline counts from then.
    pub replayed_at: Option<Timestamp>,
    /// The latest instant that an earlier version of the timer waited for and that a later one gave up: the timer was cancelled,
    /// moved, or fired before it.
    pub gave_up_at: Option<Timestamp>,
    /// The newest finished attempts, oldest first, at most [`MAX_ATTEMPTS_KEPT`].
    pub attempts: Vec<Attempt>,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The timer waits for an attempt.
    Scheduled {
        /// The number of the next attempt, from 1.
        attempt: u32,
        /// When that attempt is due.
        at: Timestamp,
    },
    /// A worker has claimed an attempt. It is calling, or died doing so.
    Firing {
        /// The attempt's number, from 1.
        attempt: u32,
        claim: Claim,
    },
    /// Final: the receiver answered with a 2xx.
    Delivered {
        /// When the outcome was known.
        at: Timestamp,
    },
    /// Final unless a client replays it: the timer was not delivered and will not be tried again.
    Failed {
        /// The number of the last attempt.
        attempt: u32,
        at: Timestamp,
        /// For people: the result of the last attempt, and why no other follows.
        reason: String,
    },
    /// Final: cancelled before it was called.
    Cancelled { at: Timestamp },
    /// Final unless its claimant turns out to be alive: it is not known whether this attempt called the receiver. The timer is
    /// not called again unless a client replays it.
    Unknown {
        /// The number of the attempt whose result is not known.
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
    /// The name that distinguishes this claim from every other.
    pub id: ClaimId,
    /// The claimant's node name, for people.
    pub node: Arc<str>,
    /// When the attempt was due.
    pub due_at: Timestamp,
    /// When it was claimed, by the claimant's clock.
    pub since: Timestamp,
    /// From this instant on, the claimant is taken for dead.
    pub lease_until: Timestamp,
}

impl State {
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Scheduled { .. } => StateKind::Scheduled,
            Self::Firing { .. } => StateKind::Firing,
            Self::Delivered { .. } => StateKind::Delivered,
            Self::Failed { .. } => StateKind::Failed,
            Self::Cancelled { .. } => StateKind::Cancelled,
            Self::Unknown { .. } => StateKind::Unknown,
        }
    }

    /// Whether nothing more happens to the timer.
    pub fn is_final(&self) -> bool {
        self.kind().is_final()
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
        self.kind().name()
    }
}

impl Timer {
    /// A timer that waits for its first attempt, with a default for everything that a client may leave out.
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
            metadata: Arc::default(),
            created_by: None,
            set_by: None,
            traceparent: None,
            fingerprint: None,
            attempts_before: 0,
            replayed_at: None,
            gave_up_at: None,
            attempts: vec![],
            state: State::Scheduled { attempt: 1, at: due_at },
        }
    }

    /// The token with whose secret the timer is signed: the one that last changed the request, the labels or the callbacks, or
    /// the one that created the timer.
    pub fn signer(&self) -> Option<&str> {
        self.set_by.as_deref().or(self.created_by.as_deref())
    }

    /// Whole seconds until the timer is due, rounded up. Zero once it is due or no longer waits.
    pub fn seconds_left(&self, now: Timestamp) -> u64 {
        if self.state.kind() == StateKind::Scheduled { self.due_at.seconds_left(now) } else { 0 }
    }

    /// The timer, with the instant that it waits for now noted as given up.
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

    /// The instant from which the retry policy's deadline counts.
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
