//! The stored form of how a timer is called: its delivery mode, its retry policy and its flow.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::millis;
use rules::domain::attempt::Delivery;
use rules::domain::flow::Flow;
use rules::domain::retry::RetryPolicy;

/// The statuses that a record retries if it names none. They stay, even if the domain's default changes.
const STATUSES: &str = "408,429,5xx";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeliveryJson {
    AtMostOnce,
    AtLeastOnce,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RetryJson {
    max_attempts: u32,
    initial_backoff_ms: u64,
    max_backoff_ms: u64,
    factor: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
    /// Absent if they are [`STATUSES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statuses: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FlowJson<'r> {
    key: Cow<'r, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parallelism: Option<u32>,
}

impl From<Delivery> for DeliveryJson {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::AtMostOnce => Self::AtMostOnce,
            Delivery::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

impl From<DeliveryJson> for Delivery {
    fn from(delivery: DeliveryJson) -> Self {
        match delivery {
            DeliveryJson::AtMostOnce => Self::AtMostOnce,
            DeliveryJson::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

impl From<&RetryPolicy> for RetryJson {
    fn from(retry: &RetryPolicy) -> Self {
        Self {
            max_attempts: retry.max_attempts,
            initial_backoff_ms: millis(retry.initial_backoff),
            max_backoff_ms: millis(retry.max_backoff),
            factor: retry.factor,
            deadline_ms: retry.deadline.map(millis),
            statuses: Some(retry.statuses.to_string()).filter(|statuses| statuses != STATUSES),
        }
    }
}

impl TryFrom<RetryJson> for RetryPolicy {
    type Error = String;

    fn try_from(retry: RetryJson) -> Result<Self, String> {
        let statuses = retry.statuses.as_deref().unwrap_or(STATUSES);
        Ok(Self {
            max_attempts: retry.max_attempts,
            initial_backoff: Duration::from_millis(retry.initial_backoff_ms),
            max_backoff: Duration::from_millis(retry.max_backoff_ms),
            factor: retry.factor,
            deadline: retry.deadline_ms.map(Duration::from_millis),
            statuses: statuses.parse().map_err(|error| format!("status {error}"))?,
        })
    }
}

impl<'r> From<&'r Flow> for FlowJson<'r> {
    fn from(flow: &'r Flow) -> Self {
        Self {
            key: flow.key.as_str().into(),
            rate: flow.rate.map(|rate| rate.to_string()),
            parallelism: flow.parallelism,
        }
    }
}

impl TryFrom<FlowJson<'_>> for Flow {
    type Error = String;

    fn try_from(flow: FlowJson<'_>) -> Result<Self, String> {
        let rate = flow.rate.map(|rate| rate.parse()).transpose()?;
        Ok(Self { key: flow.key.into_owned(), rate, parallelism: flow.parallelism })
    }
}
