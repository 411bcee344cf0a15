//! Checks whether this node's user may do what its role needs, with requests that change nothing.
//!
//! NATS does not answer a request that the user may not make, so a request without an answer may have been refused.

use async_nats::{Message, Subject};
use bytes::Bytes;
use tokio::time::timeout;
use uuid::Uuid;

use super::api::ApiError;
use super::names::{BUCKET_STREAM, CONSUMER, STREAM, record_subject};
use super::readiness::CHECK_TIMEOUT;
use crate::nats::{Link, NatsError};

/// A request for wakes that no server grants, since its heartbeat interval is longer than its lifetime. The server answers it with
/// 400 and gives no wake.
const PULL_IN_VAIN: &str = r#"{"batch":1,"expires":1000000,"idle_heartbeat":5000000000}"#;

#[derive(serde::Deserialize)]
struct Got {
    error: Option<ApiError>,
}

impl Link {
    /// Checks whether records can be read, from the leader and from any replica.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if a read is not answered, or if the leader refuses it.
    pub(super) async fn reads(&self) -> Result<(), NatsError> {
        // No timer has this id.
        let record = record_subject(Uuid::nil());
        let direct = format!("$JS.API.DIRECT.GET.{BUCKET_STREAM}.{record}");
        let request = serde_json::json!({ "last_by_subj": record.as_str() }).to_string();
        let leader = format!("$JS.API.STREAM.MSG.GET.{BUCKET_STREAM}");
        let (any, leader) = tokio::join!(self.answered(direct, ""), self.answered(leader, &request));
        any?;
        let got: Got = serde_json::from_slice(&leader?.payload)
            .map_err(|error| NatsError::Unclear(format!("the answer is not a message: {error}")))?;
        match got.error {
            Some(error) if !error.is_no_message() => Err(error.into_error()),
            Some(_) | None => Ok(()),
        }
    }

    /// Checks whether wakes can be pulled.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if the request is not answered.
    pub(super) async fn pulls(&self) -> Result<(), NatsError> {
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}");
        self.answered(subject, PULL_IN_VAIN).await.map(drop)
    }

    async fn answered(&self, subject: String, payload: &str) -> Result<Message, NatsError> {
        let asked =
            self.ask(Subject::from(subject.as_str()), None, Bytes::copy_from_slice(payload.as_bytes()));
        timeout(CHECK_TIMEOUT, asked).await.unwrap_or_else(|_| {
            Err(NatsError::NotDone(format!(
                "NATS does not answer {subject} within {CHECK_TIMEOUT:?}: may this node's NATS user publish \
                 to it (nats/permissions.conf)?"
            )))
        })
    }
}
