//! The stored form of a timer's state, and of claims.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StoredInstant;
use super::shared::Text;
use rules::domain::time::Timestamp;
use rules::domain::timer::{Claim, Doubt, State};

#[derive(Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub(super) enum StateJson<'r> {
    Scheduled {
        attempt: u32,
        at: StoredInstant,
    },
    Firing {
        attempt: u32,
        claim: ClaimJson,
    },
    Delivered {
        at: StoredInstant,
    },
    Failed {
        /// Absent in records from before replays.
        #[serde(default)]
        attempt: u32,
        at: StoredInstant,
        reason: Cow<'r, str>,
    },
    Cancelled {
        at: StoredInstant,
    },
    Unknown {
        attempt: u32,
        /// In a restored record, a claim without meaning: earlier versions of jettimer require one.
        claim: ClaimJson,
        at: StoredInstant,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restored: bool,
    },
}

#[derive(Serialize, Deserialize)]
pub(super) struct ClaimJson {
    id: Uuid,
    node: Text,
    /// Absent if equal to `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<StoredInstant>,
    since: StoredInstant,
    lease_until: StoredInstant,
}

impl<'r> From<&'r State> for StateJson<'r> {
    fn from(state: &'r State) -> Self {
        match state {
            State::Scheduled { attempt, at } => Self::Scheduled { attempt: *attempt, at: StoredInstant(*at) },
            State::Firing { attempt, claim } => Self::Firing { attempt: *attempt, claim: claim.into() },
            State::Delivered { at } => Self::Delivered { at: StoredInstant(*at) },
            State::Failed { attempt, at, reason } => {
                Self::Failed { attempt: *attempt, at: StoredInstant(*at), reason: reason.as_str().into() }
            }
            State::Cancelled { at } => Self::Cancelled { at: StoredInstant(*at) },
            State::Unknown { attempt, doubt, at } => Self::Unknown {
                attempt: *attempt,
                claim: match doubt {
                    Doubt::NoOutcome(claim) => claim.into(),
                    Doubt::Restored => ClaimJson::of_nobody(*at),
                },
                at: StoredInstant(*at),
                restored: *doubt == Doubt::Restored,
            },
        }
    }
}

impl StateJson<'_> {
    /// The state of a timer whose last kept attempt has this number.
    pub(super) fn into_state(self, last_attempt: u32) -> State {
        match self {
            Self::Scheduled { attempt, at } => State::Scheduled { attempt, at: at.0 },
            Self::Firing { attempt, claim } => State::Firing { attempt, claim: claim.into() },
            Self::Delivered { at } => State::Delivered { at: at.0 },
            Self::Failed { attempt, at, reason } => {
                State::Failed { attempt: attempt.max(last_attempt), at: at.0, reason: reason.into_owned() }
            }
            Self::Cancelled { at } => State::Cancelled { at: at.0 },
            Self::Unknown { attempt, claim, at, restored } => {
                let doubt = if restored { Doubt::Restored } else { Doubt::NoOutcome(claim.into()) };
                State::Unknown { attempt, doubt, at: at.0 }
            }
        }
    }
}

impl ClaimJson {
    /// The claim in the record of a timer that no worker has claimed.
    fn of_nobody(at: Timestamp) -> Self {
        Self {
            id: Uuid::nil(),
            node: Text("".into()),
            due_at: None,
            since: StoredInstant(at),
            lease_until: StoredInstant(at),
        }
    }
}

impl From<&Claim> for ClaimJson {
    fn from(claim: &Claim) -> Self {
        Self {
            id: claim.id,
            node: Text(claim.node.clone()),
            due_at: (claim.due_at != claim.since).then_some(StoredInstant(claim.due_at)),
            since: StoredInstant(claim.since),
            lease_until: StoredInstant(claim.lease_until),
        }
    }
}

impl From<ClaimJson> for Claim {
    fn from(claim: ClaimJson) -> Self {
        let since = claim.since.0;
        Self {
            id: claim.id,
            node: claim.node.0,
            due_at: claim.due_at.map_or(since, |at| at.0),
            since,
            lease_until: claim.lease_until.0,
        }
    }
}
