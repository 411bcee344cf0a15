//! The feed: every version of every record, in the order in which they were stored.
//!
//! The bucket keeps the newest version only, so the server republishes each one onto a stream of its own
//! (ADR-28), which keeps them for a while.
//!
//! **Invariant:** a reader hears each event behind its place once and in order, whatever becomes of the
//! connection; what it cannot hear any more, it is told to have missed.

use std::fmt;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::DeliverPolicy;

use super::event::Event;
use super::names::EVENTS;
use super::tail::Tail;
use crate::nats::{Link, NatsError};

/// How often, and how long apart, a stream is looked at again that seems to end before the reader's place:
/// a new leader may be a moment behind what the reader has heard.
const LOOKS: u32 = 10;
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Why a reader has missed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// These events, both included, were removed before they were told.
    Removed {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The stream is another one than the reader's place is of: it was deleted and created anew.
    Anew,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed { from, to } => write!(f, "events {from} to {to} are not kept any more"),
            Self::Anew => f.write_str("the feed has begun anew; what follows is all that it has"),
        }
    }
}

/// What a reader hears.
#[derive(Debug)]
pub enum Heard {
    /// Something has happened.
    Event(Event),
    /// Something has happened that cannot be told any more.
    Missed(Missed),
}

/// Where the feed begins and ends at this moment.
struct Extent {
    /// The oldest event that is kept; one more than `last` if there is none.
    first: u64,
    /// The newest; 0 if there never was one.
    last: u64,
    /// When the stream was created, which tells it from another of its name: nanoseconds since the epoch.
    born: i128,
}

/// The feed, as one reader follows it.
pub struct Feed {
    link: Link,
    tail: Option<Tail>,
    /// The stream that `after` is a place of.
    born: i128,
    /// The last event that the reader has heard of.
    after: u64,
    missed: Option<Missed>,
    /// Comes after what was missed.
    event: Option<Event>,
}

impl Feed {
    /// Begins to follow the feed, behind this place or at its end.
    ///
    /// # Errors
    ///
    /// A [`NatsError`].
    pub async fn open(link: &Link, after: Option<u64>) -> Result<Self, NatsError> {
        let mut extent = extent(link).await?;
        let after = after.unwrap_or(extent.last);
        for _ in 0..LOOKS {
            if extent.last >= after {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            extent = self::extent(link).await?;
        }
        let born = extent.born;
        let mut feed = Self { link: link.clone(), tail: None, born, after, missed: None, event: None };
        if extent.last < after {
            feed.begin_anew(&extent);
        } else if after.saturating_add(1) < extent.first {
            feed.miss_until(extent.first);
        }
        Ok(feed)
    }

    /// The last event that the reader has heard of; `None` if it has missed some behind it.
    pub fn place(&self) -> Option<u64> {
        self.missed.is_none().then_some(self.after)
    }

    /// What is heard next, as soon as there is something. What is no version of a timer is passed over.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; asking again goes on behind what was heard last.
    pub async fn next(&mut self) -> Result<Heard, NatsError> {
        loop {
            if let Some(missed) = self.missed.take() {
                return Ok(Heard::Missed(missed));
            }
            if let Some(event) = self.event.take() {
                return Ok(Heard::Event(event));
            }
            let Some(tail) = &mut self.tail else {
                self.follow().await?;
                continue;
            };
            let seen = match tail.next().await {
                Ok(seen) => seen,
                Err(error) => {
                    self.tail = None;
                    return Err(error);
                }
            };
            if seen.sequence <= self.after {
                // The client has begun anew by itself, from the start or in another stream.
                self.tail = None;
                return Err(NatsError::NotDone("the feed is told from an earlier place".to_owned()));
            }
            self.miss_until(seen.sequence);
            self.after = seen.sequence;
            self.event = Event::of(&seen);
        }
    }

    async fn follow(&mut self) -> Result<(), NatsError> {
        let extent = extent(&self.link).await?;
        if extent.born != self.born {
            self.born = extent.born;
            self.begin_anew(&extent);
        }
        let policy = DeliverPolicy::ByStartSequence { start_sequence: self.after.saturating_add(1) };
        self.tail = Some(Tail::open(&self.link, EVENTS, policy).await?.0);
        Ok(())
    }

    fn begin_anew(&mut self, extent: &Extent) {
        self.after = extent.first.saturating_sub(1);
        self.missed = Some(Missed::Anew);
    }

    /// Notes what lies between the reader's place and `next`: each message of the stream is an event, so
    /// nothing does unless it was removed.
    fn miss_until(&mut self, next: u64) {
        let (from, to) = (self.after.saturating_add(1), next.saturating_sub(1));
        if from <= to {
            self.after = to;
            self.missed = Some(Missed::Removed { from, to });
        }
    }
}

async fn extent(link: &Link) -> Result<Extent, NatsError> {
    let context = jetstream::new(link.client().clone());
    let stream = context.get_stream(EVENTS).await;
    let stream = stream.map_err(|error| NatsError::NotDone(format!("cannot look at {EVENTS}: {error}")))?;
    let info = stream.cached_info();
    Ok(Extent {
        first: info.state.first_sequence.max(1),
        last: info.state.last_sequence,
        born: info.created.unix_timestamp_nanos(),
    })
}
