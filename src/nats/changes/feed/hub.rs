//! The hub of the feed: all readers of a node share one subscription, which exists only while there is a reader.

mod follow;
mod look;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::extent::Extent;
use super::places::Places;
use super::recent::{Next, Recent, Told};
use crate::nats::changes::event::Event;
use crate::nats::connection::link::Link;
use crate::nats::requests::tail::Seen;
use rules::domain::time::Timestamp;

/// How many readers read a page of the bucket at a time. Parsing a page takes milliseconds, in which requests wait.
const PAGES: usize = 2;

/// The feed of a node. Cheap to clone.
#[derive(Clone)]
pub struct FeedHub {
    pub(super) link: Link,
    /// How long finished timers are kept.
    pub(super) retention: Duration,
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
    readers: watch::Sender<usize>,
    pages: Arc<Semaphore>,
}

struct State {
    /// How often the feed became another one, or went back.
    turns: u64,
    turn: Turn,
    /// When the bucket was created that all of this belongs to; `None` before the first look.
    born: Option<Timestamp>,
    /// `None` while the hub does not follow the feed.
    recent: Option<Recent>,
    places: Places,
    /// The last change that was heard of when the bucket was last found to be further.
    behind: Option<u64>,
}

/// A break in the feed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    /// The feed is another one.
    Anew,
    /// The feed has gone back to this position.
    Back(u64),
}

/// Counts as a reader for as long as it lives.
pub(super) struct Reading(watch::Sender<usize>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.send_modify(|readers| *readers = readers.saturating_sub(1));
    }
}

impl FeedHub {
    /// The hub of the feed on the broker that `link` is connected to, whose bucket keeps finished timers for `retention`. It has no
    /// reader yet.
    pub fn new(link: Link, retention: Duration) -> Self {
        let state = State {
            turns: 0,
            turn: Turn::Anew,
            born: None,
            recent: None,
            places: Places::default(),
            behind: None,
        };
        Self {
            link,
            retention,
            state: Arc::new(Mutex::new(state)),
            changed: watch::Sender::new(()),
            readers: watch::Sender::new(0),
            pages: Arc::new(Semaphore::new(PAGES)),
        }
    }

    /// Notes which bucket the feed tells of; gives whether it is another one than before.
    pub(super) fn note(&self, extent: &Extent) -> bool {
        let mut state = self.lock();
        let is_another = state.born.replace(extent.born).is_some_and(|born| born != extent.born);
        if is_another {
            state.places = Places::default();
            state.turned(Turn::Anew);
        }
        drop(state);
        if is_another {
            self.changed.send_replace(());
            // So that `follow` looks again.
            self.readers.send_modify(|_| {});
        }
        is_another
    }

    /// Counts a reader for as long as the returned value lives.
    pub(super) fn read(&self) -> Reading {
        self.readers.send_modify(|readers| *readers += 1);
        Reading(self.readers.clone())
    }

    /// Waits until this reader may read a page of the bucket, which it does until the returned value is dropped.
    pub(super) async fn reading_a_page(&self) -> Option<OwnedSemaphorePermit> {
        // Nothing closes the semaphore.
        self.pages.clone().acquire_owned().await.ok()
    }

    /// How often the feed has turned.
    pub(super) fn turns(&self) -> u64 {
        self.lock().turns
    }

    /// Where a reader with this position begins, if its number may belong to two events.
    pub(super) fn before_loss(&self, place: u64) -> Option<u64> {
        self.lock().places.before_loss(place)
    }

    /// A receiver that changes when there is something new for readers.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Waits until the hub follows the feed.
    pub(super) async fn is_followed(&self, changes: &mut watch::Receiver<()>) {
        while self.lock().recent.is_none() {
            // The hub ends only with the node.
            drop(changes.changed().await);
        }
    }

    /// The next step of a reader that knows of this many turns and has heard everything up to this position.
    pub(super) fn after(&self, turns: u64, place: u64) -> Result<Next, (u64, Turn)> {
        let state = self.lock();
        if state.turns != turns {
            // Several turns in a row count as another feed.
            let turn = if state.turns == turns + 1 { state.turn } else { Turn::Anew };
            return Err((state.turns, turn));
        }
        Ok(state.recent.as_ref().map_or(Next::Wait, |recent| recent.after(place)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn turned(&mut self, turn: Turn) {
        self.turns += 1;
        self.turn = turn;
        self.recent = None;
        self.behind = None;
    }
}

/// Reads a message of the bucket.
pub(super) fn told(seen: &Seen) -> Told {
    Told { sequence: seen.sequence, event: Event::of(seen).map(Arc::new), bytes: seen.payload.len() }
}
