//! Looks at everything page by page, as a sweep does: records, waiting wakes, and the wakes of some timers.
//!
//! Pages come from any replica. Facts that have to be true come from the leader: `wakes_of_one`, and the record from the store.

use std::collections::HashMap;

use async_nats::Subject;
use serde::Deserialize;
use serde_json::json;

use super::batch::Got;
use super::names::{
    BUCKET_STREAM, RECORD_SUBJECTS, STREAM, fire_subject, recorded_timer, schedule_subjects_of,
    scheduled_wake, timer_of,
};
use crate::nats::link::ApiError;
use crate::nats::{Link, NatsError, Stored, record};
use rules::domain::sweep::Armed;
use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// Records in a page: few enough that the wakes of all of them fit into one answer, which has at most 1,024.
const RECORDS: usize = 256;

/// Bytes of records in a page; a record may have up to half a megabyte.
const PAGE_BYTES: usize = 4 * 1_024 * 1_024;

/// Wakes in a page; they have no body.
const WAKES: usize = 1_000;

/// A page of records, in the order in which they were stored.
pub struct RecordPage {
    /// The records that can be read.
    pub records: Vec<Stored>,
    /// The ids and revisions of the records that cannot be read.
    pub unreadable: Vec<(TimerId, u64)>,
    /// The timers whose records were removed by hand, of which only a marker remains.
    pub removed: Vec<TimerId>,
    /// The sequence of the last message in the page; 0 if the page is empty.
    pub last: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub struct WaitingWake {
    pub id: TimerId,
    /// Its sequence in the stream, by which it is removed.
    pub sequence: u64,
    /// When it was armed, by the server's clock.
    pub stored_at: Timestamp,
}

/// A page of waiting wakes, in the order in which they were armed.
pub struct WakePage {
    /// The waiting wakes among the messages.
    pub wakes: Vec<WaitingWake>,
    /// Where the next page begins, if there is one.
    pub next: Option<u64>,
}

#[derive(Deserialize)]
struct Info {
    state: Option<InfoState>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct InfoState {
    #[serde(default)]
    subjects: Option<HashMap<String, u64>>,
}

#[derive(Deserialize)]
struct Next {
    message: Option<NextMessage>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct NextMessage {
    seq: u64,
}

#[derive(Deserialize)]
struct Deleted {
    error: Option<ApiError>,
}

impl Link {
    /// Reads a page of the records from this sequence on.
    pub async fn records(&self, from: u64) -> Result<RecordPage, NatsError> {
        // Without a filter by subject, with which the server takes seven times as long; the stream has nothing else.
        let request = json!({ "seq": from.max(1), "batch": RECORDS, "max_bytes": PAGE_BYTES });
        let batch = self.batch(BUCKET_STREAM, &request).await?;
        let mut page = RecordPage {
            records: Vec::with_capacity(batch.messages.len()),
            unreadable: Vec::new(),
            removed: Vec::new(),
            last: batch.messages.last().map_or(0, Got::sequence),
            next: next(&batch.messages, batch.pending),
        };
        for message in &batch.messages {
            let Some(id) = recorded_timer(message.subject()) else { continue };
            if message.header("KV-Operation").is_some() {
                page.removed.push(id);
                continue;
            }
            match record::from_json(message.payload()) {
                Ok(timer) => page.records.push(Stored { timer, revision: message.sequence() }),
                Err(_) => page.unreadable.push((id, message.sequence())),
            }
        }
        Ok(page)
    }

    /// The highest sequence up to which there is no record after `seen`, as the leader knows it. The replica that gave the last
    /// page may have been behind.
    pub async fn no_record_behind(&self, seen: u64) -> Result<u64, NatsError> {
        // In this order: a record that is written meanwhile has a higher sequence than `last`.
        let last = self.bucket_state().await?.last;
        let request = json!({ "seq": seen + 1, "next_by_subj": RECORD_SUBJECTS }).to_string();
        let subject = Subject::from(format!("$JS.API.STREAM.MSG.GET.{BUCKET_STREAM}"));
        let answer = self.ask(subject, None, request.into()).await?;
        let next: Next = serde_json::from_slice(&answer.payload)
            .map_err(|error| NatsError::Unclear(format!("the answer is not a message: {error}")))?;
        match (next.message, next.error) {
            (Some(next), _) => Ok(last.min(next.seq.saturating_sub(1)).max(seen)),
            (None, Some(error)) if error.is_no_message() => Ok(last.max(seen)),
            (None, Some(error)) => Err(error.into_error()),
            (None, None) => Err(NatsError::Unclear("an empty answer".to_owned())),
        }
    }

    /// Reads a page of the waiting wakes from this sequence on.
    pub async fn waiting_wakes(&self, from: u64) -> Result<WakePage, NatsError> {
        // Due wakes are passed over below instead of by a filter, for the same reason.
        let request = json!({ "seq": from.max(1), "batch": WAKES });
        let batch = self.batch(STREAM, &request).await?;
        let next = next(&batch.messages, batch.pending);
        let wakes = batch.messages.iter().filter_map(|message| {
            let (id, _) = scheduled_wake(message.subject())?;
            Some(WaitingWake { id, sequence: message.sequence(), stored_at: message.stored_at() })
        });
        Ok(WakePage { wakes: wakes.collect(), next })
    }

    /// The wakes of each of these timers.
    pub async fn wakes_of(&self, ids: &[TimerId]) -> Result<HashMap<TimerId, Vec<Armed>>, NatsError> {
        let mut wakes: HashMap<TimerId, Vec<Armed>> = HashMap::new();
        let mut parts = vec![ids];
        while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
            let subjects: Vec<String> = part
                .iter()
                .flat_map(|id| [schedule_subjects_of(*id), fire_subject(*id).into_string()])
                .collect();
            let batch = self.batch(STREAM, &json!({ "multi_last": subjects })).await?;
            if batch.too_many {
                if let [_] = part {
                    // More wakes than an answer has: this timer does not lack one.
                    wakes.insert(part[0], vec![Armed::Due]);
                } else {
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.extend([left, right]);
                }
                continue;
            }
            let clock = self.clock();
            let seen = batch
                .messages
                .iter()
                .filter_map(|message| armed(message.subject(), clock.shown(message.stored_at())));
            for (id, armed) in seen {
                wakes.entry(id).or_default().push(armed);
            }
        }
        Ok(wakes)
    }

    /// The wakes of a timer, as the leader knows them.
    ///
    /// The leader is asked for the waiting wakes twice, before and after the due ones. So a wake that becomes due meanwhile is seen
    /// in the second answer, and a wake that is armed in place of a due one that is settled, in the third. The answers do not say
    /// when a wake was stored: it is known to wait since now.
    pub async fn wakes_of_one(&self, id: TimerId) -> Result<Vec<Armed>, NatsError> {
        let waiting = schedule_subjects_of(id);
        let mut wakes = Vec::new();
        for filter in [waiting.as_str(), fire_subject(id).as_str(), waiting.as_str()] {
            let request = json!({ "subjects_filter": filter }).to_string();
            let subject = Subject::from(format!("$JS.API.STREAM.INFO.{STREAM}"));
            let answer = self.ask(subject, None, request.into()).await?;
            let info: Info = serde_json::from_slice(&answer.payload).map_err(|error| {
                NatsError::Unclear(format!("the answer does not describe a stream: {error}"))
            })?;
            if let Some(error) = info.error {
                return Err(error.into_error());
            }
            let subjects = info.state.and_then(|state| state.subjects).unwrap_or_default();
            let now = self.clock().now();
            wakes.extend(subjects.keys().filter_map(|subject| armed(subject, now)).map(|(_, armed)| armed));
        }
        Ok(wakes)
    }

    /// Removes this one message from the stream of wakes, if it is still there. A wake that was armed again since has another
    /// sequence.
    ///
    /// # Errors
    ///
    /// With [`NatsError::Unclear`], the wake may be removed anyway. An answer that refuses the removal is `false`, and not an
    /// error.
    pub async fn remove_wake(&self, sequence: u64) -> Result<bool, NatsError> {
        let request = json!({ "seq": sequence, "no_erase": true }).to_string();
        let subject = Subject::from(format!("$JS.API.STREAM.MSG.DELETE.{STREAM}"));
        let answer = self.ask(subject, None, request.into()).await?;
        let deleted: Deleted = serde_json::from_slice(&answer.payload).map_err(|error| {
            NatsError::Unclear(format!("the answer to a removal cannot be read: {error}"))
        })?;
        Ok(deleted.error.is_none())
    }
}

/// Where the page after these messages begins.
fn next(messages: &[Got], pending: u64) -> Option<u64> {
    let last = messages.last().filter(|_| pending > 0)?;
    Some(last.sequence().saturating_add(1))
}

/// The wake that a message of this subject is. It is known to be there since this instant.
fn armed(subject: &str, since: Timestamp) -> Option<(TimerId, Armed)> {
    match scheduled_wake(subject) {
        Some((id, at)) => Some((id, Armed::Waiting { at, since })),
        None => timer_of(subject).map(|id| (id, Armed::Due)),
    }
}
