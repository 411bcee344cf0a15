//! Reads the summaries of timers from the bucket, a few at a time.
//!
//! A record may have a body of half a megabyte, and no list shows it. So each record becomes a summary as soon as it is read. As many
//! records are read at once as have few bytes together.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::parts::Api;
use super::timers;
use crate::foundation::timer_json::{self, View};
use crate::nats::NatsError;
use crate::node::engine::Engine;
use rules::domain::timer::TimerId;
use rules::index::{Filter, Size};

/// How many records are read at once.
const READ_AT_ONCE: usize = 64;

/// The most bytes of records that are read at once, unless a single record is larger.
const MOST_RECORDS: usize = 1_024 * 1_024;

/// The most bytes of summaries that are made at once, unless a single summary is larger. An answer that is not read holds as many.
const MOST_SUMMARIES: usize = 48 * 1_024;

/// The bytes of a timer of which only the id is kept yet.
const FOUND_BYTES: usize = std::mem::size_of::<(TimerId, Size)>();

/// The timers of a list, some of which have been read.
pub(super) struct Summaries {
    api: Api,
    engine: Engine,
    filter: Filter,
    found: std::vec::IntoIter<(TimerId, Size)>,
    /// Whether a summary was shown.
    has_begun: bool,
}

impl Summaries {
    pub(super) fn new(api: Api, engine: Engine, filter: Filter, found: Vec<(TimerId, Size)>) -> Self {
        Self { api, engine, filter, found: found.into_iter(), has_begun: false }
    }

    /// The bytes of memory that it takes to read these timers, until the list is complete.
    pub(super) fn bytes(found: &[(TimerId, Size)]) -> usize {
        let summaries: usize = found.iter().map(|(_, size)| size.summary).sum();
        let largest = found.iter().map(|(_, size)| size.summary).max().unwrap_or_default();
        found.len() * FOUND_BYTES + summaries.min(MOST_SUMMARIES.max(largest))
    }

    /// The next summaries, with the commas between them and before them; `None` after the last ones.
    ///
    /// # Errors
    ///
    /// A record cannot be read.
    pub(super) async fn next(&mut self) -> Result<Option<String>, NatsError> {
        loop {
            let (ids, bytes) = self.some();
            if ids.is_empty() {
                return Ok(None);
            }
            let room = self.api.reads.room(Some(bytes), self.api.patience).await;
            let _room = room.ok_or_else(|| NatsError::NotDone("other lists are being read".to_owned()))?;
            let (api, engine, filter) = (&self.api, &self.engine, &self.filter);
            let shown: Vec<Option<String>> = stream::iter(ids)
                .map(async |id| {
                    let stored = engine.peek(id).await?;
                    // The index may be a moment old.
                    let meant = stored.filter(|stored| filter.matches(&stored.timer));
                    Ok::<_, NatsError>(meant.map(|stored| {
                        let (now, waiting) =
                            (engine.clock().now(), timers::waiting(api, engine, &stored.timer));
                        timer_json::to_waiting_text(&stored.timer, now, View::Summary, waiting)
                    }))
                })
                .buffered(READ_AT_ONCE)
                .try_collect()
                .await?;
            let mut text = String::new();
            for summary in shown.into_iter().flatten() {
                if std::mem::replace(&mut self.has_begun, true) {
                    text.push(',');
                }
                text.push_str(&summary);
            }
            if !text.is_empty() {
                return Ok(Some(text));
            }
        }
    }

    /// The next timers that may be read at once, and the bytes of their records.
    fn some(&mut self) -> (Vec<TimerId>, usize) {
        let (mut ids, mut records, mut summaries) = (vec![], 0, 0);
        while let Some((id, size)) = self.found.as_slice().first() {
            let (more_records, more_summaries) = (records + size.record, summaries + size.summary);
            let fits =
                more_records <= MOST_RECORDS && more_summaries <= MOST_SUMMARIES && ids.len() < READ_AT_ONCE;
            if !fits && !ids.is_empty() {
                break;
            }
            (records, summaries) = (more_records, more_summaries);
            ids.push(*id);
            self.found.next();
        }
        (ids, records)
    }
}

/// A stream that can be shared, as an answer must be, and never is: so no caller waits for its lock.
pub(super) struct OneAtATime<S>(Mutex<Pin<Box<S>>>);

impl<S: Stream> OneAtATime<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(Mutex::new(Box::pin(stream)))
    }
}

impl<S: Stream> Stream for OneAtATime<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll_next(cx)
    }
}
