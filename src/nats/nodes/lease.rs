//! The record of the sweep: the node that sweeps, and the findings of its last sweep. It is one key in a small bucket of its own,
//! changed by compare-and-swap, so it is there when the parts that a sweep repairs are not.
//!
//! It keeps sweeps apart, and no promise rests on it: two sweeps at once do no harm.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys;
use crate::foundation::rfc3339;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::LEASE_SUBJECT;
use rules::domain::time::Timestamp;

const VERSION: u32 = 1;

/// The node that sweeps, and the findings of the last sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The process that holds it.
    pub instance: Uuid,
    /// Its node's name, for people.
    pub node: String,
    /// When the lease ends, by the world's clock of its holder.
    pub until: Timestamp,
    /// When the last sweep was done.
    pub swept_at: Option<Timestamp>,
    /// When the stream of wakes was created that was swept last.
    pub wakes_born: Option<i128>,
    /// When the bucket was created that was seen last.
    pub bucket_born: Option<i128>,
    /// The last change in that bucket.
    pub bucket_seq: u64,
}

#[derive(Deserialize, Serialize)]
struct LeaseJson {
    v: u32,
    instance: Uuid,
    node: String,
    until: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    swept_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wakes_born: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bucket_born: Option<String>,
    #[serde(default)]
    bucket_seq: u64,
}

impl From<&Lease> for LeaseJson {
    fn from(lease: &Lease) -> Self {
        Self {
            v: VERSION,
            instance: lease.instance,
            node: lease.node.clone(),
            until: rfc3339::format(lease.until),
            swept_at: lease.swept_at.map(rfc3339::format),
            wakes_born: lease.wakes_born.map(|born| born.to_string()),
            bucket_born: lease.bucket_born.map(|born| born.to_string()),
            bucket_seq: lease.bucket_seq,
        }
    }
}

impl LeaseJson {
    fn lease(self) -> Option<Lease> {
        (self.v == VERSION).then_some(Lease {
            instance: self.instance,
            node: self.node,
            until: rfc3339::parse(&self.until).ok()?,
            swept_at: self.swept_at.and_then(|text| rfc3339::parse(&text).ok()),
            wakes_born: self.wakes_born.and_then(|text| text.parse().ok()),
            bucket_born: self.bucket_born.and_then(|text| text.parse().ok()),
            bucket_seq: self.bucket_seq,
        })
    }
}

impl Lease {
    /// The lease with its revision; `None` if no node ever had it, or this version cannot read it.
    pub async fn read(link: &Link) -> Result<(Option<Self>, u64), NatsError> {
        let (json, revision) = keys::read(link, LEASE_SUBJECT).await?;
        let lease = serde_json::from_slice::<LeaseJson>(&json).ok().and_then(LeaseJson::lease);
        Ok((lease, revision))
    }

    /// Writes the lease in place of this revision; gives the new one, or `None` if another node was faster.
    ///
    /// # Errors
    ///
    /// With [`NatsError::Unclear`], the lease may be written anyway: read it before it is written again. With
    /// [`NatsError::NoRoom`], no node can write it until there is room.
    pub async fn put(&self, link: &Link, revision: u64) -> Result<Option<u64>, NatsError> {
        let json = serde_json::to_vec(&LeaseJson::from(self)).unwrap_or_default();
        keys::put(link, LEASE_SUBJECT, json, revision).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let at = Timestamp::from_micros(1_700_000_000_000_001);
        let lease = Lease {
            instance: Uuid::from_u128(7),
            node: "a".to_owned(),
            until: at,
            swept_at: Some(at),
            wakes_born: Some(1_700_000_000_000_000_001),
            bucket_born: None,
            bucket_seq: 9,
        };
        let json = serde_json::to_string(&LeaseJson::from(&lease)).unwrap();
        assert_eq!(
            json,
            r#"{"v":1,"instance":"00000000-0000-0000-0000-000000000007","node":"a","until":"2023-11-14T22:13:20.000001Z","swept_at":"2023-11-14T22:13:20.000001Z","wakes_born":"1700000000000000001","bucket_seq":9}"#
        );
        assert_eq!(serde_json::from_str::<LeaseJson>(&json).unwrap().lease(), Some(lease));
        assert!(serde_json::from_str::<LeaseJson>(&json.replace(":1,", ":2,")).unwrap().lease().is_none());
    }
}
