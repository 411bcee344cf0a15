//! The feed: the changes of all timers, in the order in which they were stored.
//!
//! The server republishes each version of a record as it is stored (ADR-28). All readers of a node share one subscription to
//! these (`hub`) and are served from the last of them (`recent`), so a reader that keeps up gets every version. The bucket keeps only the
//! newest version of each record: a reader further back reads the bucket, by pages, until it has caught up.
//!
//! **Invariant:** after its position, a reader gets every version that is still the newest of its timer, once and in order, whatever
//! happens to the connection. If it can no longer get the last version of a timer, it is told that it has missed events.

mod extent;
mod hub;
mod missed;
mod places;
mod position;
mod recent;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::event::Event;
use crate::nats::error::NatsError;
use crate::nats::names::BUCKET_STREAM;
use crate::nats::requests::pages::Pages;
use extent::Extent;
use hub::{Reading, Turn, told};
use recent::{Next, Told};

pub use hub::FeedHub;
pub use missed::{Heard, Missed};
pub use position::Position;

/// How often, and how far apart, a reader looks again at a bucket that seems to end before its position: a new leader may be a
/// moment behind the reader.
const LOOKS: u32 = 10;
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How long the first reader waits for the hub to follow the feed.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(2);

/// How much a reader that has to catch up reads at once, in records and bytes of them, or one record.
const PAGE: usize = 256;
const PAGE_BYTES: usize = 256 * 1_024;

/// The feed, as one reader follows it.
pub struct Feed {
    hub: FeedHub,
    changes: watch::Receiver<()>,
    /// How often the feed had turned (`Turn`) when the reader last looked.
    turns: u64,
    /// Where the reader began.
    start: Position,
    /// The last change that the reader knows of.
    after: u64,
    missed: Option<Missed>,
    /// The next event, delivered after `missed`.
    event: Option<Arc<Event>>,
    /// Reads the bucket, while the reader has to catch up.
    pages: Option<Pages>,
    /// Changes that were read from the bucket and are not delivered yet.
    page: VecDeque<Told>,
    _reading: Reading,
}

impl Feed {
    /// Begins to follow the feed after this position, or at its end without one.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if the bucket cannot be looked at.
    pub async fn open(hub: &FeedHub, after: Option<Position>) -> Result<Self, NatsError> {
        let reading = hub.read();
        let mut changes = hub.changes();
        // Or else the hub may learn of the changes that follow only from the bucket, which has not every version.
        if tokio::time::timeout(FOLLOWED_WITHIN, hub.is_followed(&mut changes)).await.is_err() {
            tracing::debug!("a reader of the feed begins before the node follows it");
        }
        let now = hub.link.clock().now();
        let mut extent = Extent::of(&hub.link).await?;
        let start = after.unwrap_or_else(|| Position::at(extent.last, now));
        for _ in 0..LOOKS {
            if extent.last >= start.revision {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            extent = Extent::of(&hub.link).await?;
        }
        hub.note(&extent);
        let mut feed = Self {
            hub: hub.clone(),
            changes,
            turns: hub.turns(),
            start,
            after: start.revision,
            missed: None,
            event: None,
            pages: None,
            page: VecDeque::new(),
            _reading: reading,
        };
        if start.revision > extent.last {
            feed.begin_anew();
        } else if let Some(kept) = hub.before_loss(start.revision) {
            feed.go_back_to(kept);
        } else if start.revision < extent.last
            && start.at.is_some_and(|at| now > at.saturating_add(hub.retention))
        {
            feed.missed = Some(Missed::Left { retention: hub.retention });
        }
        Ok(feed)
    }

    /// Where the reader began; `None` while it has yet to learn that it missed events.
    pub fn start(&self) -> Option<Position> {
        self.missed.is_none().then_some(self.start)
    }

    /// Waits for the next item. Changes that are not a version of a timer are passed over.
    ///
    /// # Errors
    ///
    /// If the bucket cannot be read. The next call goes on after the last item.
    pub async fn next(&mut self) -> Result<Heard, NatsError> {
        loop {
            if let Some(missed) = self.missed.take() {
                return Ok(Heard::Missed(missed));
            }
            if let Some(event) = self.event.take() {
                return Ok(Heard::Event(event));
            }
            self.changes.mark_unchanged();
            match self.hub.after(self.turns, self.after) {
                Err((turns, turn)) => {
                    self.turns = turns;
                    self.page.clear();
                    self.end_pages().await;
                    match turn {
                        Turn::Back(kept) if self.after > kept => self.go_back_to(kept),
                        Turn::Back(_) => {}
                        Turn::Anew => self.begin_anew(),
                    }
                }
                Ok(next) => match (self.page.pop_front(), next) {
                    (Some(told), _) => self.hear(told),
                    (None, Next::Read(until)) => self.read(until).await?,
                    (None, Next::Told(told)) => {
                        self.end_pages().await;
                        self.hear(told);
                    }
                    (None, Next::Wait) => {
                        self.end_pages().await;
                        // The hub ends only with the node.
                        drop(self.changes.changed().await);
                    }
                },
            }
        }
    }

    /// Ends the following.
    pub async fn close(mut self) {
        self.end_pages().await;
    }

    fn hear(&mut self, told: Told) {
        if told.sequence > self.after {
            self.after = told.sequence;
            self.event = told.event;
        }
    }

    /// Reads a page of the changes up to `until`, which the hub does not have.
    async fn read(&mut self, until: u64) -> Result<(), NatsError> {
        let link = &self.hub.link;
        let reading = self.hub.reading_a_page().await;
        let mut pages = match self.pages.take() {
            Some(pages) => pages,
            None => Pages::open(link, BUCKET_STREAM, self.after.saturating_add(1)).await?,
        };
        let page = pages.next(PAGE, PAGE_BYTES).await?;
        if !page.is_empty() {
            self.page = page.iter().map(told).collect();
            self.pages = Some(pages);
            return Ok(());
        }
        drop(reading);
        // All other changes until there were followed by newer ones.
        self.after = self.after.max(pages.until());
        pages.close().await;
        if self.after < until {
            // The leader that was asked is behind.
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    async fn end_pages(&mut self) {
        if let Some(pages) = self.pages.take() {
            pages.close().await;
        }
    }

    fn begin_anew(&mut self) {
        self.after = 0;
        self.missed = Some(Missed::Anew);
    }

    fn go_back_to(&mut self, kept: u64) {
        self.after = kept;
        self.missed = Some(Missed::Undone { kept });
    }
}
