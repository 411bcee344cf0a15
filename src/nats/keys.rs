//! The keys of the sweep's bucket: a few values that all nodes share, each changed by compare-and-swap.

use async_nats::{HeaderMap, HeaderValue, Subject};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use super::api::ApiError;
use super::link::Published;
use super::names::SWEEP_STREAM;
use crate::nats::{Link, NatsError};

#[derive(Deserialize)]
struct Answer {
    message: Option<Kept>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct Kept {
    seq: u64,
    #[serde(default)]
    data: String,
}

impl Link {
    /// The value of a key of the sweep's bucket, with its revision; empty and 0 without such a key.
    pub(super) async fn kept(&self, key: &str) -> Result<(Vec<u8>, u64), NatsError> {
        let request = serde_json::json!({ "last_by_subj": key }).to_string();
        let subject = Subject::from(format!("$JS.API.STREAM.MSG.GET.{SWEEP_STREAM}"));
        let answer = self.ask(subject, None, request.into()).await?;
        let answer: Answer = serde_json::from_slice(&answer.payload)
            .map_err(|error| NatsError::Unclear(format!("the answer is not a message: {error}")))?;
        match (answer.message, answer.error) {
            (Some(kept), _) => Ok((BASE64.decode(kept.data).unwrap_or_default(), kept.seq)),
            (None, Some(error)) if error.is_no_message() => Ok((vec![], 0)),
            (None, Some(error)) => Err(error.into_error()),
            (None, None) => Err(NatsError::Unclear("an empty answer".to_owned())),
        }
    }

    /// Writes a key of the sweep's bucket in place of this revision; gives the new one, or `None` if another node was faster.
    pub(super) async fn keep_as(
        &self,
        key: &'static str,
        json: Vec<u8>,
        revision: u64,
    ) -> Result<Option<u64>, NatsError> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", HeaderValue::from(revision));
        match self.publish(Subject::from(key), headers, json.into()).await? {
            Published::At(revision) => Ok(Some(revision)),
            Published::WrongLast => Ok(None),
        }
    }
}
