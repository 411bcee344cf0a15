//! Where the feed ends, and which bucket it tells of.

use crate::foundation::clock::Clock;
use crate::foundation::rfc3339;
use crate::nats::api::StreamInfo;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::BUCKET_STREAM;
use crate::nats::requests::leader;
use rules::domain::time::Timestamp;

/// Where the feed ends at this moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// The newest change of the bucket; 0 if there never was one.
    pub(super) last: u64,
    /// When the newest change was stored, as this node's clock shows it.
    pub(super) last_at: Timestamp,
    /// When the bucket was created, by the server's clock. Distinguishes it from another bucket.
    pub(super) born: Timestamp,
}

impl Extent {
    /// Asks the bucket's leader.
    pub(super) async fn of(link: &Link) -> Result<Self, NatsError> {
        Self::read(&leader::stream_info(link, BUCKET_STREAM).await?, link.clock())
    }

    fn read(info: &StreamInfo, clock: Clock) -> Result<Self, NatsError> {
        let born = rfc3339::parse(&info.created).map_err(|why| {
            NatsError::NotDone(format!(
                "{BUCKET_STREAM} was created at {:?}, which is not a time: {why}",
                info.created
            ))
        })?;
        // An empty stream has the year 1.
        let last_at = rfc3339::parse(&info.state.last_ts).unwrap_or(Timestamp::from_micros(0));
        Ok(Self { last: info.state.last_seq, last_at: clock.shown(last_at), born })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Extent, NatsError> {
        Extent::read(&serde_json::from_str(json).unwrap(), Clock::OF_THE_WORLD)
    }

    #[test]
    fn an_extent_is_what_the_leader_says_and_an_empty_bucket_has_no_last_change() {
        let config =
            r#""config": {"num_replicas": 1, "max_bytes": -1}, "created": "2027-01-01T08:00:00.123456789Z""#;
        let full = read(&format!(
            r#"{{{config}, "state": {{"messages": 3, "bytes": 90, "first_seq": 5, "last_seq": 7,
                "first_ts": "2027-01-01T08:00:01Z", "last_ts": "2027-01-01T08:00:02.5Z"}}}}"#
        ))
        .unwrap();
        assert_eq!(full.last, 7);
        assert_eq!(rfc3339::format(full.last_at), "2027-01-01T08:00:02.500000Z");
        assert_eq!(rfc3339::format(full.born), "2027-01-01T08:00:00.123457Z");
        let empty = read(&format!(
            r#"{{{config}, "state": {{"messages": 0, "bytes": 0, "first_seq": 0, "last_seq": 0,
                "first_ts": "0001-01-01T00:00:00Z", "last_ts": "0001-01-01T00:00:00Z"}}}}"#
        ))
        .unwrap();
        assert_eq!((empty.last, empty.last_at), (0, Timestamp::from_micros(0)));
        assert!(read(r#"{"config": {"num_replicas": 1, "max_bytes": -1}, "state": {"messages": 0, "bytes": 0, "last_seq": 0}}"#).is_err());
    }
}
