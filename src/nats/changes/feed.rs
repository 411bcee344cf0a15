//! The feed: every version of every record, in the order in which they were stored.
//!
//! The bucket keeps only the newest version of a record, so the server republishes each version to a separate stream (ADR-28),
//! which keeps it for a while. All readers of a node share one consumer (`hub`) and are served from the last events that it brought
//! (`recent`). A reader further back reads the stream by pages until it has caught up.
//!
//! **Invariant:** a reader gets each event after its position once and in order, whatever happens to the connection. Events that it
//! can no longer get are reported to it as missed, also those that the stream has refused (`refusals`).

mod extent;
mod hub;
mod missed;
mod places;
mod recent;
mod refusals;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::event::Event;
use crate::nats::error::NatsError;
use crate::nats::names::EVENTS;
use crate::nats::requests::replica::Batch;
use extent::Extent;
use hub::{Reading, Turn, told};
use recent::{Next, Told};
use refusals::Refusals;

pub(in crate::nats) use extent::AGAIN_FROM;
pub use hub::FeedHub;
pub use missed::{Heard, Missed};

/// How often, and how far apart, a reader looks again at a stream that seems to end before its position: a new leader may be a
/// moment behind the reader.
const LOOKS: u32 = 10;
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How much a reader that has to catch up reads at once, in events and bytes of their messages.
const PAGE: usize = 256;
const PAGE_BYTES: usize = 1_024 * 1_024;

/// How many bytes of these events it keeps until they are delivered, or one event. It reads the others again.
const KEPT_BYTES: usize = 256 * 1_024;

/// The feed, as one reader follows it.
pub struct Feed {
    hub: FeedHub,
    changes: watch::Receiver<()>,
    /// How often the feed had turned (`Turn`) when the reader last looked.
    turns: u64,
    /// The last event that the reader knows of.
    after: u64,
    missed: Option<Missed>,
    refusals: Refusals,
    /// How many events the stream has refused that the reader has not been told of, delivered after `missed`.
    refused: u64,
    /// The next event, delivered after `refused`.
    event: Option<Arc<Event>>,
    /// Messages that were read from the stream and are not delivered yet.
    page: VecDeque<Told>,
    /// How many pages in a row were empty.
    empty: u32,
    _reading: Reading,
}

impl Feed {
    /// Begins to follow the feed after this position, or at its end without one.
    pub async fn open(hub: &FeedHub, after: Option<u64>) -> Result<Self, NatsError> {
        let reading = hub.read();
        let mut extent = Extent::of(&hub.link).await?;
        let after = after.unwrap_or(extent.last);
        for _ in 0..LOOKS {
            if extent.last >= after {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            extent = Extent::of(&hub.link).await?;
        }
        hub.note(&extent);
        let mut feed = Self {
            hub: hub.clone(),
            changes: hub.changes(),
            turns: hub.turns(),
            after,
            missed: None,
            refusals: Refusals::default(),
            refused: 0,
            event: None,
            page: VecDeque::new(),
            empty: 0,
            _reading: reading,
        };
        if extent.is_of_another(after) {
            feed.begin_anew(&extent);
        } else if let Some(kept) = hub.before_loss(after) {
            feed.go_back_to(kept);
        } else {
            feed.miss_until(extent.first);
            feed.note_revision().await?;
        }
        Ok(feed)
    }

    /// The last event that the reader knows of; `None` while it has yet to learn that it missed events.
    pub fn place(&self) -> Option<u64> {
        self.missed.is_none().then_some(self.after)
    }

    /// Waits for the next item. Messages that are not a version of a timer are passed over.
    ///
    /// # Errors
    ///
    /// If the stream cannot be read. The next call goes on after the last item.
    pub async fn next(&mut self) -> Result<Heard, NatsError> {
        loop {
            if let Some(missed) = self.missed.take() {
                return Ok(Heard::Missed(missed));
            }
            if self.refused > 0 {
                return Ok(Heard::Missed(Missed::Refused { count: std::mem::take(&mut self.refused) }));
            }
            if let Some(event) = self.event.take() {
                return Ok(Heard::Event(event));
            }
            self.changes.mark_unchanged();
            match self.hub.after(self.turns, self.after) {
                Err((turns, Turn::Back(kept))) => {
                    self.turns = turns;
                    self.page.clear();
                    if self.after > kept {
                        self.go_back_to(kept);
                    }
                }
                Err((turns, Turn::Anew)) => {
                    let extent = Extent::of(&self.hub.link).await?;
                    self.turns = turns;
                    self.page.clear();
                    self.begin_anew(&extent);
                }
                Ok(next) => match (self.page.pop_front(), next) {
                    (Some(told), _) | (None, Next::Told(told)) => self.hear(told),
                    (None, Next::Read(until)) => self.read(until).await?,
                    (None, Next::Wait) => self.wait().await,
                },
            }
        }
    }

    /// Waits for something new, unless the stream has refused the last events.
    async fn wait(&mut self) {
        if let Some(revision) = self.hub.reached(self.after) {
            self.refused = self.refusals.reach(self.after, revision);
        }
        if self.refused == 0 {
            // The hub ends only with the node.
            drop(self.changes.changed().await);
        }
    }

    /// Notes the change of the bucket that the event at the reader's position is about, so that the next event shows whether others were
    /// refused. If that event is no longer there, the next one is the first to count from.
    async fn note_revision(&mut self) -> Result<(), NatsError> {
        if self.after == 0 {
            return Ok(());
        }
        let (link, request) = (&self.hub.link, json!({ "seq": self.after, "batch": 1 }));
        let batch = Batch::read(link, EVENTS, &request).await?;
        let at_position = batch.messages.first().filter(|message| message.sequence() == self.after);
        if let Some(message) = at_position {
            self.refusals.reach(self.after, told(&message.seen(link.clock())).revision);
        }
        Ok(())
    }

    fn hear(&mut self, told: Told) {
        if told.sequence > self.after {
            self.miss_until(told.sequence);
            self.refused += self.refusals.reach(told.sequence, told.revision);
            self.after = told.sequence;
            self.event = told.event;
        }
    }

    /// Reads a page of the events up to `until`, which the shared consumer does not deliver.
    async fn read(&mut self, until: u64) -> Result<(), NatsError> {
        let link = &self.hub.link;
        let reading = self.hub.reading_a_page().await;
        let request = json!({ "seq": self.after.saturating_add(1), "batch": PAGE, "max_bytes": PAGE_BYTES });
        let batch = Batch::read(link, EVENTS, &request).await?;
        let mut bytes = 0;
        let fits = |told: &Told| {
            let before = bytes;
            bytes += told.event.as_ref().map_or(0, |event| event.bytes());
            before == 0 || bytes <= KEPT_BYTES
        };
        let page = batch.messages.iter().map(|message| told(&message.seen(link.clock())));
        self.page = page.take_while(fits).collect();
        drop((batch, reading));
        if !self.page.is_empty() {
            self.empty = 0;
            return Ok(());
        }
        // All of these events were removed, or the replica that answers is behind.
        self.empty += 1;
        if self.empty < LOOKS {
            tokio::time::sleep(LOOK_AGAIN).await;
        } else {
            self.empty = 0;
            self.miss_until(until.saturating_add(1));
        }
        Ok(())
    }

    fn begin_anew(&mut self, extent: &Extent) {
        self.after = extent.first.saturating_sub(1);
        self.refusals.start_over();
        self.missed = Some(Missed::Anew);
    }

    fn go_back_to(&mut self, kept: u64) {
        self.after = kept;
        self.refusals.start_over();
        self.missed = Some(Missed::Undone { kept });
    }

    /// Notes that the reader missed the events between its position and `next`: each message of the stream is an event, so a gap
    /// means that events were removed.
    fn miss_until(&mut self, next: u64) {
        let (from, to) = (self.after.saturating_add(1), next.saturating_sub(1));
        if from <= to {
            self.after = to;
            self.missed = Some(Missed::Removed { from, to });
        }
    }
}
