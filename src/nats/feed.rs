//! The feed: every version of every record, in the order in which they were stored.
//!
//! The bucket keeps the newest version only, so the server republishes each one onto a stream of its own
//! (ADR-28), which keeps them for a while.

use async_nats::jetstream;
use async_nats::jetstream::consumer::DeliverPolicy;

use super::names::{EVENTS, evented_timer};
use super::record;
use super::tail::{Seen, Tail};
use crate::domain::timer::{State, Timer};
use crate::nats::{Link, NatsError};

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

/// Where the feed begins and ends at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The oldest event that is kept; one more than `last` if there is none.
    pub first: u64,
    /// The newest; 0 if there never was one.
    pub last: u64,
}

/// The feed, as one reader follows it.
pub struct Feed {
    tail: Tail,
}

impl Feed {
    /// Where the feed begins and ends.
    ///
    /// # Errors
    ///
    /// A [`NatsError`].
    pub async fn extent(link: &Link) -> Result<Extent, NatsError> {
        let context = jetstream::new(link.client().clone());
        let stream = context.get_stream(EVENTS).await;
        let stream =
            stream.map_err(|error| NatsError::NotDone(format!("cannot look at {EVENTS}: {error}")))?;
        let state = &stream.cached_info().state;
        Ok(Extent { first: state.first_sequence.max(1), last: state.last_sequence })
    }

    /// Follows the feed behind this place.
    ///
    /// # Errors
    ///
    /// A [`NatsError`].
    pub async fn follow(link: &Link, after: u64) -> Result<Self, NatsError> {
        let policy = DeliverPolicy::ByStartSequence { start_sequence: after.saturating_add(1) };
        Ok(Self { tail: Tail::open(link, EVENTS, policy).await?.0 })
    }

    /// The next event, as soon as there is one. What is no version of a timer is passed over.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; follow again behind the last event.
    pub async fn next(&mut self) -> Result<Event, NatsError> {
        loop {
            let seen = self.tail.next().await?;
            if evented_timer(&seen.subject).is_none() || seen.header("KV-Operation").is_some() {
                continue;
            }
            if let Ok(timer) = record::from_json(&seen.payload) {
                return Ok(Event {
                    sequence: seen.sequence,
                    kind: kind(&seen, &timer),
                    timer: Box::new(timer),
                });
            }
        }
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
