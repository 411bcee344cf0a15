//! Judges by the results of this node's writes whether NATS stores them: a full disk leaves everything readable.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::nats::error::NatsError;
use crate::nats::names::RECORD_PREFIX;

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

/// How the writes of this node to each stream have gone: the disk may be full for one and not for the other.
#[derive(Default)]
pub(super) struct Storing {
    records: Writes,
    wakes: Writes,
}

impl Storing {
    /// The writes to the stream of this subject.
    pub(super) fn of(&self, subject: &str) -> &Writes {
        if subject.starts_with(RECORD_PREFIX) { &self.records } else { &self.wakes }
    }

    /// The present trouble, if there is any.
    pub(super) fn trouble(&self, connection: u64) -> Option<String> {
        self.records.trouble(connection).or_else(|| self.wakes.trouble(connection))
    }
}

/// How the writes to one stream have gone since the last one that was stored.
#[derive(Default)]
pub(super) struct Writes {
    trouble: Mutex<Option<WriteFailures>>,
}

struct WriteFailures {
    since: Instant,
    seen: Instant,
    error: String,
    reported: bool,
    /// The number of the connection on which it was seen.
    connection: u64,
}

impl Writes {
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
                *trouble =
                    Some(WriteFailures { since, seen: now, error: error.to_string(), reported, connection });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_of_a_connection_is_forgotten_with_it() {
        let writes = Writes::default();
        let error = NatsError::NotDone("no leader".to_owned());
        writes.note(Some(&error), 1);
        assert_eq!(writes.trouble(1), None, "a change of leader");
        let long_ago = Instant::now() - TROUBLE_AFTER;
        writes.trouble.lock().unwrap().as_mut().unwrap().since = long_ago;
        writes.note(Some(&error), 1);
        assert!(writes.trouble(1).unwrap().contains("no leader"));
        assert_eq!(writes.trouble(2), None);
        // It is seen again if it goes on.
        writes.note(Some(&error), 2);
        assert_eq!(writes.trouble(2), None);
        writes.trouble.lock().unwrap().as_mut().unwrap().since = long_ago;
        assert!(writes.trouble(2).is_some());
        writes.note(None, 2);
        assert_eq!(writes.trouble(2), None);
    }

    #[test]
    fn two_failures_far_apart_are_no_lasting_trouble() {
        let writes = Writes::default();
        let error = NatsError::NotDone("no leader".to_owned());
        writes.note(Some(&error), 1);
        let long_ago = Instant::now() - TROUBLE_AFTER;
        let mut trouble = writes.trouble.lock().unwrap();
        (trouble.as_mut().unwrap().since, trouble.as_mut().unwrap().seen) = (long_ago, long_ago);
        drop(trouble);
        writes.note(Some(&error), 1);
        assert_eq!(writes.trouble(1), None);
    }
}
