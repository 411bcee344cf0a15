//! Checks whether NATS does its part: this node is connected, bucket, stream and consumer exist, records can be read, a node that
//! calls can pull wakes, and writes are stored.
//!
//! A full disk leaves everything readable, so writes are judged by their results.

use std::time::Duration;

use async_nats::Subject;
use serde::de::IgnoredAny;
use tokio::time::timeout;

use super::api::subject;
use super::leader;
use super::link::Link;
use super::names::{BUCKET_STREAM, CONSUMER, STREAM};
use super::standing::NOT_FOR_ACCOUNT;
use crate::nats::NatsError;

/// How long a node may take to say whether it is ready; probes wait a few seconds.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// The advice on a missing bucket.
const RESTORE: &str = "Every timer was in it, so jettimer does not create it again: restore it from a backup";
/// The advice on a missing stream of wakes or consumer.
const MENDED: &str = "A node creates it again within seconds and then arms every timer";

impl Link {
    /// Checks whether this node can do its work; `works` if it calls receivers.
    ///
    /// # Errors
    ///
    /// The trouble, in a sentence for people.
    pub async fn check(&self, works: bool) -> Result<(), NatsError> {
        if !self.is_up() {
            return Err(self.not_connected());
        }
        if let Some(trouble) = self.storing().find_map(|storing| storing.trouble(self.connection())) {
            return Err(NatsError::NotDone(trouble));
        }
        let asked = async {
            tokio::try_join!(
                self.exists(subject::stream_info(BUCKET_STREAM), RESTORE),
                self.exists(subject::stream_info(STREAM), MENDED),
                self.exists(subject::consumer_info(STREAM, CONSUMER), MENDED),
            )
        };
        let pulls = async { if works { self.pulls().await } else { Ok(()) } };
        // Concurrently, since a probe waits for the slowest of them.
        let (asked, reads, pulls) = tokio::join!(timeout(CHECK_TIMEOUT, asked), self.reads(), pulls);
        asked
            .map_err(|_| NatsError::NotDone(format!("NATS does not answer within {CHECK_TIMEOUT:?}")))?
            .map(|_| ())
            .and(reads)
            .and(pulls)
    }

    /// Whether this node's writes are stored, as far as it has written lately.
    pub fn stores(&self) -> bool {
        self.storing().all(|storing| storing.trouble(self.connection()).is_none())
    }

    async fn exists(&self, subject: Subject, advice: &str) -> Result<(), NatsError> {
        match leader::ask::<IgnoredAny>(self, subject.clone(), "").await? {
            Ok(_) => Ok(()),
            Err(error) if error.is_off() => Err(NatsError::NotDone(NOT_FOR_ACCOUNT.to_owned())),
            Err(error) => {
                let name = subject::name(&subject);
                Err(NatsError::NotDone(format!("{name}: {}. {advice}", error.description)))
            }
        }
    }
}
