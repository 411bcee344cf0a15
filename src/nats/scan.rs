//! Looks at everything page by page, as a sweep does: records and waiting wakes.
//!
//! Pages come from any replica. Facts that have to be true come from the leader (`armed`, and the record from the store).

use serde_json::json;

use super::api::header::KV_OPERATION;
use super::error::NatsError;
use super::leader;
use super::link::Link;
use super::mark::BucketState;
use super::names::{BUCKET_STREAM, RECORD_SUBJECTS, STREAM, recorded_timer, scheduled_wake};
use super::replica::{Batch, Got};
use super::store::Stored;
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

impl RecordPage {
    /// Reads a page of the records from this sequence on.
    pub async fn read(link: &Link, from: u64) -> Result<Self, NatsError> {
        // Without a filter by subject, with which the server takes seven times as long; the stream has nothing else.
        let request = json!({ "seq": from.max(1), "batch": RECORDS, "max_bytes": PAGE_BYTES });
        let batch = Batch::read(link, BUCKET_STREAM, &request).await?;
        let mut page = Self {
            records: Vec::with_capacity(batch.messages.len()),
            unreadable: Vec::new(),
            removed: Vec::new(),
            last: batch.messages.last().map_or(0, Got::sequence),
            next: next(&batch.messages, batch.pending),
        };
        for message in &batch.messages {
            let Some(id) = recorded_timer(message.subject()) else { continue };
            if message.header(KV_OPERATION).is_some() {
                page.removed.push(id);
                continue;
            }
            match Stored::read(message.payload(), message.sequence()) {
                Ok(stored) => page.records.push(stored),
                Err(_) => page.unreadable.push((id, message.sequence())),
            }
        }
        Ok(page)
    }
}

impl WakePage {
    /// Reads a page of the waiting wakes from this sequence on.
    pub async fn read(link: &Link, from: u64) -> Result<Self, NatsError> {
        // Due wakes are passed over below instead of by a filter, for the same reason.
        let request = json!({ "seq": from.max(1), "batch": WAKES });
        let batch = Batch::read(link, STREAM, &request).await?;
        let next = next(&batch.messages, batch.pending);
        let wakes = batch.messages.iter().filter_map(|message| {
            let (id, _) = scheduled_wake(message.subject())?;
            Some(WaitingWake { id, sequence: message.sequence(), stored_at: message.stored_at() })
        });
        Ok(Self { wakes: wakes.collect(), next })
    }
}

/// The highest sequence up to which there is no record after `seen`, as the leader knows it. The replica that gave the last
/// page may have been behind.
pub async fn no_record_behind(link: &Link, seen: u64) -> Result<u64, NatsError> {
    // In this order: a record that is written meanwhile has a higher sequence than `last`.
    let last = BucketState::of(link).await?.last;
    let next = leader::next_message(link, BUCKET_STREAM, seen + 1, RECORD_SUBJECTS).await?;
    Ok(next.map_or(last, |next| last.min(next.seq.saturating_sub(1))).max(seen))
}

/// Where the page after these messages begins.
fn next(messages: &[Got], pending: u64) -> Option<u64> {
    let last = messages.last().filter(|_| pending > 0)?;
    Some(last.sequence().saturating_add(1))
}
