//! Looks at all records page by page, as a sweep does.
//!
//! Pages come from some replica. Facts that have to be true come from the leader (`armed`, and the record from the store).

use super::store::Stored;
use super::versions;
use crate::nats::api::header::KV_OPERATION;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, RECORD_SUBJECTS, recorded_timer};
use crate::nats::nodes::mark::BucketState;
use crate::nats::requests::leader;
use crate::nats::requests::pages::Pages;
use rules::domain::timer::TimerId;

/// Records in a page.
const RECORDS: usize = 256;

/// Bytes of records in a page; a record may have up to half a megabyte.
const PAGE_BYTES: usize = 4 * 1_024 * 1_024;

/// A page of records, in the order in which they were stored.
pub struct RecordPage {
    /// The records that can be read.
    pub records: Vec<Stored>,
    /// The ids and revisions of the records that cannot be read.
    pub unreadable: Vec<(TimerId, u64)>,
    /// The timers whose records were removed by hand, of which only a marker remains.
    pub removed: Vec<TimerId>,
    /// The sequence of the last message in the page.
    pub last: u64,
}

/// All records, page by page.
pub struct RecordPages(Pages);

impl RecordPages {
    /// Begins with the first record.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if the server does not let this node read the bucket through a consumer.
    pub async fn open(link: &Link) -> Result<Self, NatsError> {
        Ok(Self(Pages::open(link, BUCKET_STREAM, 1).await?))
    }

    /// Reads the next page; `None` after the last record.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; then the records have to be read from the beginning.
    pub async fn next(&mut self) -> Result<Option<RecordPage>, NatsError> {
        let messages = self.0.next(RECORDS, PAGE_BYTES).await?;
        let Some(last) = messages.last() else { return Ok(None) };
        let mut page = RecordPage {
            last: last.sequence,
            records: Vec::with_capacity(messages.len()),
            unreadable: Vec::new(),
            removed: Vec::new(),
        };
        for message in &messages {
            let Some(id) = recorded_timer(&message.subject) else { continue };
            if message.header(KV_OPERATION).is_some() {
                page.removed.push(id);
                continue;
            }
            match Stored::read(&message.payload, message.sequence, versions::past_of(message)) {
                Ok(stored) => page.records.push(stored),
                Err(_) => page.unreadable.push((id, message.sequence)),
            }
        }
        Ok(Some(page))
    }

    /// Ends the reading.
    pub async fn close(self) {
        self.0.close().await;
    }
}

/// The highest sequence up to which there is no record after `seen`, as the leader knows it. The replica that gave the last
/// page may have been behind.
pub async fn no_record_behind(link: &Link, seen: u64) -> Result<u64, NatsError> {
    // In this order: a record that is written meanwhile has a higher sequence than `last`.
    let last = BucketState::of(link).await?.last;
    let next = leader::next_message(link, BUCKET_STREAM, seen + 1, RECORD_SUBJECTS).await?;
    let Some(next) = next else {
        // The server also says that there is none if it cannot read it.
        let newest = leader::last_message(link, BUCKET_STREAM, RECORD_SUBJECTS).await?;
        if newest.is_some_and(|newest| newest.seq > seen && newest.seq <= last) {
            return Err(NatsError::NotDone(format!("{BUCKET_STREAM}: cannot read the records after {seen}")));
        }
        return Ok(last.max(seen));
    };
    Ok(last.min(next.seq.saturating_sub(1)).max(seen))
}
