//! Where the feed begins and ends.

use async_nats::jetstream;

use crate::nats::error::NatsError;
use crate::nats::link::Link;
use crate::nats::names::EVENTS;
use rules::domain::time::Timestamp;

/// The least number of a feed that is created again. Such a feed begins with the microseconds since 1970, a number that no earlier
/// feed had. A feed that is created together with the bucket begins with 1, and never gets here.
pub(in crate::nats) const AGAIN_FROM: u64 = 1_000_000_000_000_000;

/// Where the feed begins and ends at this moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// The oldest event that is kept; one more than `last` without one.
    pub(super) first: u64,
    /// The newest event; 0 if there never was one.
    pub(super) last: u64,
    /// When the newest event was stored, as this node's clock shows it.
    pub(super) last_at: Timestamp,
    /// When the stream was created, in nanoseconds since the epoch. Distinguishes it from another stream of its name.
    pub(super) born: i128,
}

impl Extent {
    /// Asks the stream's leader.
    pub(super) async fn of(link: &Link) -> Result<Self, NatsError> {
        let context = jetstream::new(link.client().clone());
        let stream = context.get_stream(EVENTS).await;
        let stream =
            stream.map_err(|error| NatsError::NotDone(format!("cannot look at {EVENTS}: {error}")))?;
        let info = stream.cached_info();
        let micros = info.state.last_timestamp.unix_timestamp_nanos() / 1_000;
        Ok(Self {
            first: info.state.first_sequence.max(1),
            last: info.state.last_sequence,
            last_at: link.clock().shown(Timestamp::from_micros(u64::try_from(micros).unwrap_or_default())),
            born: info.created.unix_timestamp_nanos(),
        })
    }

    /// Whether a position belongs to an earlier feed than this one.
    pub(super) fn is_of_another(&self, place: u64) -> bool {
        place > self.last || (place < AGAIN_FROM && self.first >= AGAIN_FROM)
    }
}
