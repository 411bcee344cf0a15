//! Checks whether NATS does its part: this node is connected, bucket, stream and consumer exist, records can be read, a node that
//! calls can pull wakes, and writes are stored.
//!
//! A full disk leaves everything readable, so writes are judged by their results.

use std::sync::Mutex;
use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use super::link::{ApiError, Link};
use super::names::{BUCKET_STREAM, CONSUMER, STREAM};
use super::standing::NOT_FOR_ACCOUNT;
use crate::nats::NatsError;

/// How long a node may take to say whether it is ready; probes wait a few seconds.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes that fail for this long are trouble: most changes of leader are over by then, and a client that waits for its request has
/// not given it up.
const TROUBLE_AFTER: Duration = Duration::from_secs(8);

/// The likely reason if NATS stores nothing, and what to do.
const FULL_DISK: &str = "Is its disk full? Make room there, and then restart nats-server";
/// The remedy if NATS says that a storage limit is reached.
const FULL_STORE: &str = "JetStream's storage limit is reached: raise max_file_store of the servers, or max_storage of the account, \
     or remove other data from it. After raising the limit of an account, no restart is needed";

/// Trouble that was not seen again for this long says nothing about now: a node that is not ready gets no requests that could show
/// it that writes are stored again.
const TROUBLE_FORGOTTEN: Duration = Duration::from_secs(60);

/// How the writes of this node to one stream have gone since the last one that was stored.
#[derive(Default)]
pub(super) struct Storing {
    trouble: Mutex<Option<Trouble>>,
}

struct Trouble {
    since: Instant,
    seen: Instant,
    error: String,
    reported: bool,
    /// The number of the connection on which it was seen.
    connection: u64,
}

impl Storing {
    /// Notes the result of a write on this connection. Reports once that nothing is stored, and once that NATS stores again.
    pub(super) fn note(&self, error: Option<&NatsError>, connection: u64) {
        let Ok(mut trouble) = self.trouble.lock() else { return };
        match error {
            None => {
                if trouble.take().is_some_and(|trouble| trouble.reported) {
                    tracing::info!("NATS stores again");
                }
            }
            Some(error @ (NatsError::Unclear(text) | NatsError::NotDone(text) | NatsError::NoRoom(text))) => {
                let now = Instant::now();
                // Each write is tried again within seconds. So failures that are further apart, as before and after a pause of this
                // process, do not show that nothing was stored in between.
                let before = trouble
                    .as_ref()
                    .filter(|trouble| trouble.connection == connection && now - trouble.seen < TROUBLE_AFTER);
                let since = before.map_or(now, |trouble| trouble.since);
                let mut reported = trouble.as_ref().is_some_and(|trouble| trouble.reported);
                if !reported && now - since >= TROUBLE_AFTER {
                    reported = true;
                    let advice = if matches!(error, NatsError::NoRoom(_)) { FULL_STORE } else { FULL_DISK };
                    tracing::error!(
                        error = text,
                        "NATS has stored nothing from this node for {TROUBLE_AFTER:?}: timers wait. {advice}"
                    );
                }
                *trouble = Some(Trouble { since, seen: now, error: error.to_string(), reported, connection });
            }
            Some(NatsError::TooLarge { .. } | NatsError::Unreadable(_)) => {}
        }
    }

    /// The present trouble, if there is any. Trouble on another connection does not count: that server may have been cut off, and a
    /// node that has nothing to write would not find out that the next server stores.
    fn trouble(&self, connection: u64) -> Option<String> {
        let trouble = self.trouble.lock().ok()?;
        let trouble = trouble.as_ref().filter(|trouble| trouble.connection == connection)?;
        let lasting = trouble.since.elapsed() >= TROUBLE_AFTER && trouble.seen.elapsed() < TROUBLE_FORGOTTEN;
        lasting
            .then(|| format!("nothing has been stored for {:?}: {}", trouble.since.elapsed(), trouble.error))
    }
}

/// The advice on a missing bucket.
const RESTORE: &str = "Every timer was in it, so jettimer does not create it again: restore it from a backup";
/// The advice on a missing stream of wakes or consumer.
const MENDED: &str = "A node creates it again within seconds and then arms every timer";

#[derive(Deserialize)]
struct Info {
    error: Option<ApiError>,
}

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
                self.exists(format!("$JS.API.STREAM.INFO.{BUCKET_STREAM}"), RESTORE),
                self.exists(format!("$JS.API.STREAM.INFO.{STREAM}"), MENDED),
                self.exists(format!("$JS.API.CONSUMER.INFO.{STREAM}.{CONSUMER}"), MENDED),
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

    async fn exists(&self, subject: String, advice: &str) -> Result<(), NatsError> {
        let name = subject.trim_start_matches("$JS.API.").to_owned();
        let answer = self.ask(Subject::from(subject), None, Bytes::new()).await?;
        let info: Info = serde_json::from_slice(&answer.payload)
            .map_err(|error| NatsError::Unclear(format!("{name}: {error}")))?;
        match info.error {
            None => Ok(()),
            Some(error) if error.is_off() => Err(NatsError::NotDone(NOT_FOR_ACCOUNT.to_owned())),
            Some(error) => Err(NatsError::NotDone(format!("{name}: {}. {advice}", error.description))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_of_a_connection_is_forgotten_with_it() {
        let storing = Storing::default();
        let error = NatsError::NotDone("no leader".to_owned());
        storing.note(Some(&error), 1);
        assert_eq!(storing.trouble(1), None, "a change of leader");
        let long_ago = Instant::now() - TROUBLE_AFTER;
        storing.trouble.lock().unwrap().as_mut().unwrap().since = long_ago;
        storing.note(Some(&error), 1);
        assert!(storing.trouble(1).unwrap().contains("no leader"));
        assert_eq!(storing.trouble(2), None);
        // It is seen again if it goes on.
        storing.note(Some(&error), 2);
        assert_eq!(storing.trouble(2), None);
        storing.trouble.lock().unwrap().as_mut().unwrap().since = long_ago;
        assert!(storing.trouble(2).is_some());
        storing.note(None, 2);
        assert_eq!(storing.trouble(2), None);
    }

    #[test]
    fn two_failures_far_apart_are_no_lasting_trouble() {
        let storing = Storing::default();
        let error = NatsError::NotDone("no leader".to_owned());
        storing.note(Some(&error), 1);
        let long_ago = Instant::now() - TROUBLE_AFTER;
        let mut trouble = storing.trouble.lock().unwrap();
        (trouble.as_mut().unwrap().since, trouble.as_mut().unwrap().seen) = (long_ago, long_ago);
        drop(trouble);
        storing.note(Some(&error), 1);
        assert_eq!(storing.trouble(1), None);
    }
}
