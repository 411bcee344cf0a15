//! What JetStream reports of an account: its use and its limits.

use std::collections::BTreeMap;

use serde::Deserialize;

use rules::room::{Account, Part};

#[derive(Deserialize)]
pub(in crate::nats) struct AccountInfo {
    #[serde(default)]
    memory: u64,
    #[serde(default)]
    storage: u64,
    #[serde(default)]
    reserved_storage: u64,
    #[serde(default)]
    streams: u64,
    #[serde(default)]
    consumers: u64,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    tiers: BTreeMap<String, TierInfo>,
}

#[derive(Deserialize)]
struct TierInfo {
    #[serde(default)]
    memory: u64,
    #[serde(default)]
    storage: u64,
    #[serde(default)]
    streams: u64,
    #[serde(default)]
    consumers: u64,
    limits: Limits,
}

/// Limits of an account or a tier. A value below 0 means unlimited.
#[derive(Deserialize)]
struct Limits {
    max_memory: i64,
    max_storage: i64,
    max_streams: i64,
    max_consumers: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_memory: -1, max_storage: -1, max_streams: -1, max_consumers: -1 }
    }
}

impl AccountInfo {
    /// The limits in force for streams with this many replicas. A tier's limit counts one replica, and its use counts all.
    pub(in crate::nats) fn account(self, replicas: u64) -> Account {
        let (stored, reserved) = (self.storage, self.reserved_storage);
        let tier = self.tiers.into_iter().find(|(name, _)| *name == format!("R{replicas}"));
        let (used, limits, copies) = match tier {
            Some((_, tier)) => {
                ([tier.storage, tier.memory, tier.streams, tier.consumers], tier.limits, replicas)
            }
            None => ([self.storage, self.memory, self.streams, self.consumers], self.limits, 1),
        };
        let part = |used, most: i64, copies: u64| {
            let most = u64::try_from(most).ok()?;
            Some(Part { used, most: most.saturating_mul(copies) })
        };
        let [storage, memory, streams, consumers] = used;
        Account {
            stored,
            reserved,
            storage: part(storage, limits.max_storage, copies),
            memory: part(memory, limits.max_memory, copies),
            streams: part(streams, limits.max_streams, 1),
            consumers: part(consumers, limits.max_consumers, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(json: &str, replicas: u64) -> Account {
        serde_json::from_str::<AccountInfo>(json).unwrap().account(replicas)
    }

    #[test]
    fn limits_are_those_of_the_account_or_of_its_tier_and_below_zero_there_is_no_limit() {
        let flat = r#"{"type": "t", "memory": 1, "storage": 600, "reserved_storage": 8, "streams": 4, "consumers": 1, "limits":
            {"max_memory": 0, "max_storage": 1000, "max_streams": -1, "max_consumers": 9}, "api": {"total": 7}}"#;
        let seen = account(flat, 3);
        assert_eq!((seen.stored, seen.reserved), (600, 8));
        assert_eq!(seen.storage, Some(Part { used: 600, most: 1_000 }));
        assert_eq!(seen.memory, Some(Part { used: 1, most: 0 }));
        assert_eq!((seen.streams, seen.consumers), (None, Some(Part { used: 1, most: 9 })));
        let tiered = r#"{"memory": 0, "storage": 900, "limits": {"max_memory": 0, "max_storage": 0, "max_streams": 0,
            "max_consumers": 0}, "tiers": {"R1": {"storage": 300, "limits": {"max_memory": -1, "max_storage": 400,
            "max_streams": 2, "max_consumers": -1}}, "R3": {"storage": 600, "streams": 4, "limits": {"max_memory": -1,
            "max_storage": 500, "max_streams": 5, "max_consumers": -1}}}}"#;
        assert_eq!(account(tiered, 3).storage, Some(Part { used: 600, most: 1_500 }));
        assert_eq!(account(tiered, 3).streams, Some(Part { used: 4, most: 5 }));
        assert_eq!(account(tiered, 1).storage, Some(Part { used: 300, most: 400 }));
    }
}
