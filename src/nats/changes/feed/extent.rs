//! Where the feed begins and ends.

use crate::foundation::clock::Clock;
use crate::foundation::rfc3339;
use crate::nats::api::StreamInfo;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::EVENTS;
use crate::nats::requests::leader;
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
    /// When the stream was created, by the server's clock. Distinguishes it from another stream of its name.
    pub(super) born: Timestamp,
}

impl Extent {
    /// Asks the stream's leader.
    pub(super) async fn of(link: &Link) -> Result<Self, NatsError> {
        Self::read(&leader::stream_info(link, EVENTS).await?, link.clock())
    }

    fn read(info: &StreamInfo, clock: Clock) -> Result<Self, NatsError> {
        let born = rfc3339::parse(&info.created).map_err(|why| {
            NatsError::NotDone(format!(
                "{EVENTS} was created at {:?}, which is not a time: {why}",
                info.created
            ))
        })?;
        // An empty stream has the year 1.
        let last_at = rfc3339::parse(&info.state.last_ts).unwrap_or(Timestamp::from_micros(0));
        Ok(Self {
            first: info.state.first_seq.max(1),
            last: info.state.last_seq,
            last_at: clock.shown(last_at),
            born,
        })
    }

    /// Whether a position belongs to an earlier feed than this one.
    pub(super) fn is_of_another(&self, place: u64) -> bool {
        place > self.last || (place < AGAIN_FROM && self.first >= AGAIN_FROM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Extent, NatsError> {
        Extent::read(&serde_json::from_str(json).unwrap(), Clock::OF_THE_WORLD)
    }

    #[test]
    fn an_extent_is_what_the_leader_says_and_an_empty_stream_has_no_last_event() {
        let config =
            r#""config": {"num_replicas": 1, "max_bytes": -1}, "created": "2027-01-01T08:00:00.123456789Z""#;
        let full = read(&format!(
            r#"{{{config}, "state": {{"messages": 3, "bytes": 90, "first_seq": 5, "last_seq": 7,
                "first_ts": "2027-01-01T08:00:01Z", "last_ts": "2027-01-01T08:00:02.5Z"}}}}"#
        ))
        .unwrap();
        assert_eq!((full.first, full.last), (5, 7));
        assert_eq!(rfc3339::format(full.last_at), "2027-01-01T08:00:02.500000Z");
        assert_eq!(rfc3339::format(full.born), "2027-01-01T08:00:00.123457Z");
        let empty = read(&format!(
            r#"{{{config}, "state": {{"messages": 0, "bytes": 0, "first_seq": 0, "last_seq": 0,
                "first_ts": "0001-01-01T00:00:00Z", "last_ts": "0001-01-01T00:00:00Z"}}}}"#
        ))
        .unwrap();
        assert_eq!((empty.first, empty.last, empty.last_at), (1, 0, Timestamp::from_micros(0)));
        assert!(read(r#"{"config": {"num_replicas": 1, "max_bytes": -1}, "state": {"messages": 0, "bytes": 0, "last_seq": 0}}"#).is_err());
    }
}
