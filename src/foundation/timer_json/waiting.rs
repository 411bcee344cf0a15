//! The reason why a due timer is not called.

use serde::Serialize;

use crate::foundation::rfc3339;
use rules::domain::time::Timestamp;
use rules::receivers::{Trouble, Whose};

/// The reason why a due timer is not called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Its receiver or its flow has no room.
    Room(Trouble),
    /// No node calls receivers.
    Worker,
}

#[derive(Serialize)]
pub(super) struct WaitingJson {
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

impl Waiting {
    pub(super) fn json(self, now: Timestamp) -> WaitingJson {
        match self {
            Self::Worker => WaitingJson { reason: "no_worker", receiver: None, flow: None, until: None },
            Self::Room(Trouble { whose, reason, lasts, .. }) => WaitingJson {
                reason: reason.name(),
                receiver: whose.receiver().map(str::to_owned),
                flow: if let Whose::Flow(key) = whose { Some(key) } else { None },
                until: Some(rfc3339::format(now.saturating_add(lasts))),
            },
        }
    }
}
