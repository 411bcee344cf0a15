//! Watches the bucket: all records that are there, then each change.

use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use tokio::sync::watch;
use tokio::time::Instant;

use super::turned_back::LastHeard;
use crate::foundation::clock::Clock;
use crate::nats::api::header::{KV_OPERATION, NATS_MESSAGE_TTL};
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, SHOWN_UNTIL, recorded_timer};
use crate::nats::nodes::mark::BucketState;
use crate::nats::requests::tail::{Seen, Tail};
use crate::nats::timers::record;
use rules::domain::time::Timestamp;
use rules::domain::timer::{Timer, TimerId};

/// How often the node checks whether the bucket has turned back while the connection stays: the server that has the bucket may be
/// another than the one that this node is connected to.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A record of this many bytes takes up to a millisecond to read. Several that have come must not keep the thread from other tasks.
const LARGE: usize = 32 * 1_024;

#[derive(Debug)]
pub enum Watched {
    /// A record as it is at this revision. It leaves by itself at `expires_at`, without a further item.
    Record {
        timer: Box<Timer>,
        revision: u64,
        /// By the server's clock, as this node's shows it.
        expires_at: Option<Timestamp>,
    },
    /// A record was removed by hand.
    Gone {
        id: TimerId,
        /// The revision of the removal.
        revision: u64,
    },
    /// All records that were there at the start have been delivered.
    CaughtUp,
}

/// A bucket that is watched.
pub struct Watch {
    link: Link,
    tail: Tail,
    /// The changes that the bucket must still have.
    last_heard: LastHeard,
    reconnects: watch::Receiver<u64>,
    /// When the bucket is checked next.
    look_at: Instant,
    /// Whether the records of the start have been delivered, and whether that was announced.
    caught_up: CaughtUp,
    /// The last change before the start; its record may have left by itself since, so that it is never heard of.
    at_start: u64,
    heard: u64,
    /// Whether the last record was large, so that other tasks have their turn before the next one.
    makes_way: bool,
    clock: Clock,
}

#[derive(PartialEq)]
enum CaughtUp {
    No,
    Now,
    Said,
}

impl Watch {
    /// Begins to watch the bucket on the broker that `link` is connected to.
    pub async fn start(link: &Link) -> Result<Self, NatsError> {
        let reconnects = link.reconnects();
        let bucket = BucketState::of(link).await?;
        let (tail, pending) = Tail::open(link, BUCKET_STREAM, DeliverPolicy::All).await?;
        let caught_up = if pending == 0 { CaughtUp::Now } else { CaughtUp::No };
        Ok(Self {
            link: link.clone(),
            tail,
            last_heard: LastHeard::of(bucket),
            reconnects,
            look_at: Instant::now() + LOOK_EVERY,
            caught_up,
            at_start: bucket.last,
            heard: 0,
            makes_way: false,
            clock: link.clock(),
        })
    }

    /// The sequence number up to which everything has been heard.
    pub fn heard(&self) -> u64 {
        match self.caught_up {
            CaughtUp::No | CaughtUp::Now => self.heard,
            CaughtUp::Said => self.heard.max(self.at_start),
        }
    }

    /// Checks whether the bucket still has the changes that were heard, unless this was done on this connection within the last
    /// seconds.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if the bucket has turned back. Then some of the changes that were heard are undone, and new ones are passed
    /// over, so watch again. If a server does not answer, the next call asks again.
    pub async fn check(&mut self) -> Result<(), NatsError> {
        if !self.reconnects.has_changed().unwrap_or(false) && Instant::now() < self.look_at {
            return Ok(());
        }
        let mut reconnects = self.reconnects.clone();
        reconnects.mark_unchanged();
        let heard = self.heard();
        match self.last_heard.is_undone(&self.link, heard).await {
            Ok(true) => {
                return Err(NatsError::NotDone(format!(
                    "the bucket has gone back to before change {heard}: NATS lost writes, or its data was restored"
                )));
            }
            Ok(false) => {
                self.reconnects = reconnects;
                self.look_at = Instant::now() + LOOK_EVERY;
            }
            Err(error) => tracing::debug!(%error, "cannot check whether the bucket has gone back"),
        }
        Ok(())
    }

    /// Waits for the next item. A record that cannot be read is passed over: reading it by its id says why.
    ///
    /// # Errors
    ///
    /// If the subscription has ended. Later changes are not heard, so watch again.
    pub async fn next(&mut self) -> Result<Watched, NatsError> {
        loop {
            if self.caught_up == CaughtUp::Now {
                self.caught_up = CaughtUp::Said;
                return Ok(Watched::CaughtUp);
            }
            // Before the next message is taken: the caller may drop this future, and no message with it.
            if std::mem::take(&mut self.makes_way) {
                tokio::task::yield_now().await;
            }
            let seen = self.tail.next().await?;
            self.heard = seen.sequence;
            self.makes_way = seen.payload.len() >= LARGE;
            // Changes of a new connection must not hide that earlier ones are gone.
            if !self.reconnects.has_changed().unwrap_or(false) {
                self.last_heard.note(&seen);
            }
            if self.caught_up == CaughtUp::No && seen.pending == 0 {
                self.caught_up = CaughtUp::Now;
            }
            if let Some(watched) = Watched::of(&seen, self.clock) {
                return Ok(watched);
            }
        }
    }
}

impl Watched {
    /// Reads a message of the bucket, for a node with this clock; `None` if it is not a record, or cannot be read.
    pub(in crate::nats) fn of(seen: &Seen, clock: Clock) -> Option<Self> {
        let id = recorded_timer(&seen.subject)?;
        let revision = seen.sequence;
        if seen.header(KV_OPERATION).is_some() {
            return Some(Self::Gone { id, revision });
        }
        match record::from_json(&seen.payload) {
            Ok(timer) => {
                Some(Self::Record { timer: Box::new(timer), revision, expires_at: expires_at(seen, clock) })
            }
            Err(why) => {
                tracing::debug!(timer = %id, why, "a record that cannot be read is not indexed");
                None
            }
        }
    }
}

/// When the record leaves, or is no longer shown, as this clock shows it; `None` if it stays.
fn expires_at(seen: &Seen, clock: Clock) -> Option<Timestamp> {
    // The header has an instant of the world.
    let shown_until = seen.header(SHOWN_UNTIL).and_then(|text| text.parse().ok()).map(Timestamp::from_micros);
    let leaves = || {
        let ttl = seen.header(NATS_MESSAGE_TTL).and_then(seconds)?;
        Some(seen.stored_at.saturating_add(clock.scale().world_to_clock(ttl)))
    };
    shown_until.map(|until| clock.shown(until)).or_else(leaves)
}

/// A time to live as the server writes it (ADR-43): in seconds, bare or with an `s`.
fn seconds(text: &str) -> Option<Duration> {
    text.trim_end_matches('s').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;
    use bytes::Bytes;

    use super::*;
    use crate::foundation::clock::Course;

    const ANCHOR: u64 = 1_796_083_200_000_000;
    const SECOND: u64 = 1_000_000;

    /// When a record expires that was stored 100 s after the anchor of a clock that goes this many times as fast as the world, in seconds
    /// of that clock after the anchor.
    fn expires_after(times: u32, headers: &[(&'static str, String)]) -> Option<u64> {
        let scale = times.to_string().parse().unwrap();
        let clock = Clock::on(Course { scale, anchor: Timestamp::from_micros(ANCHOR) });
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.as_str());
        }
        let seen = Seen {
            subject: String::new(),
            headers: map,
            payload: Bytes::new(),
            sequence: 7,
            delivery: 0,
            pending: 0,
            stored_at: clock.shown(Timestamp::from_micros(ANCHOR + 100 * SECOND)),
        };
        expires_at(&seen, clock).map(|at| (at.as_micros() - ANCHOR) / SECOND)
    }

    #[test]
    fn a_record_expires_when_the_world_says_so_also_by_a_fast_clock() {
        let ttl = || ("Nats-TTL", "50".to_owned());
        let shown = || (SHOWN_UNTIL, (ANCHOR + 110 * SECOND).to_string());
        for times in [1, 60] {
            let by_the_clock = |seconds: u64| Some(seconds * u64::from(times));
            assert_eq!(expires_after(times, &[]), None);
            assert_eq!(expires_after(times, &[ttl()]), by_the_clock(150));
            assert_eq!(expires_after(times, &[ttl(), shown()]), by_the_clock(110));
        }
    }
}
