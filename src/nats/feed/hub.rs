//! The hub of the feed: all readers of a node share one consumer of its stream, which exists only while there is a reader.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::extent::Extent;
use super::places::{Place, Places};
use super::recent::{Next, Recent, Told};
use crate::nats::error::NatsError;
use crate::nats::event::Event;
use crate::nats::link::Link;
use crate::nats::names::EVENTS;
use crate::nats::replica::Batch;
use crate::nats::tail::{Seen, Tail};

/// How often the hub checks whether the feed is another one, or has gone back.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How many readers read a page of the stream at a time. The messages of a page take up to 1 MiB, or one message if that is larger,
/// and parsing them takes milliseconds, in which requests wait.
const PAGES: usize = 2;

/// The pause after following the feed has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the hub looks at a feed that seems to have gone back before it believes that, with a pause between two looks: a new
/// leader may be a moment behind.
const LOOKS: u32 = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Two ways of reading the server's nanoseconds round them differently, by less than this.
const ROUNDING_MICROS: u64 = 1_000;

/// The feed of a node. Cheap to clone.
#[derive(Clone)]
pub struct FeedHub {
    pub(super) link: Link,
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
    readers: watch::Sender<usize>,
    pages: Arc<Semaphore>,
}

struct State {
    /// How often the feed became another one, or went back.
    turns: u64,
    turn: Turn,
    /// When the stream was created that all of this belongs to; 0 before the first look.
    born: i128,
    /// `None` while the hub does not follow the feed.
    recent: Option<Recent>,
    places: Places,
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
    /// The hub of the feed on the broker that `link` is connected to. It has no reader yet.
    pub fn new(link: Link) -> Self {
        let state = State { turns: 0, turn: Turn::Anew, born: 0, recent: None, places: Places::default() };
        Self {
            link,
            state: Arc::new(Mutex::new(state)),
            changed: watch::Sender::new(()),
            readers: watch::Sender::new(0),
            pages: Arc::new(Semaphore::new(PAGES)),
        }
    }

    /// Follows the feed while there are readers, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let keep = async {
            loop {
                if let Err(error) = self.follow().await {
                    tracing::debug!(%error, "the feed is followed again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        stop.run_until_cancelled(keep).await;
    }

    /// Follows the feed until it turns out to be another one, or to have gone back.
    async fn follow(&self) -> Result<(), NatsError> {
        let mut readers = self.readers.subscribe();
        let mut reconnects = self.link.reconnects();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tail = None;
        let mut looked_on = self.link.connection();
        loop {
            let wanted = *readers.borrow_and_update() > 0;
            // A reader may have found that the stream is another one.
            let is_cut = self.lock().recent.is_none();
            if !wanted {
                tail = None;
                self.lock().recent = None;
            } else if tail.is_none() || is_cut {
                tail = Some(self.open().await?);
            }
            tokio::select! {
                seen = next(&mut tail) => {
                    let seen = seen?;
                    // Events of a new connection must not hide that earlier ones are gone.
                    if looked_on != self.link.connection() {
                        looked_on = self.link.connection();
                        if self.look().await? {
                            return Ok(());
                        }
                    }
                    if !self.tell(&seen) {
                        return Err(NatsError::NotDone("the feed restarts at an earlier event".to_owned()));
                    }
                }
                _ = readers.changed() => {}
                _ = reconnects.changed() => {
                    looked_on = self.link.connection();
                    if self.look().await? {
                        return Ok(());
                    }
                }
                _ = look.tick() => if self.look().await? { return Ok(()) },
            }
        }
    }

    async fn open(&self) -> Result<Tail, NatsError> {
        let known = self.lock().recent.as_ref().map(Recent::last);
        let place = match known {
            Some(place) => place,
            None => Extent::of(&self.link).await?.last,
        };
        let policy = DeliverPolicy::ByStartSequence { start_sequence: place.saturating_add(1) };
        let (tail, _) = Tail::open(&self.link, EVENTS, policy).await?;
        self.lock().recent.get_or_insert_with(|| Recent::behind(place));
        self.changed.send_replace(());
        Ok(tail)
    }

    /// Passes a message to all readers; `false` if it is not later than the last one.
    fn tell(&self, seen: &Seen) -> bool {
        let mut state = self.lock();
        let Some(recent) = &mut state.recent else { return true };
        if seen.sequence <= recent.last() {
            return false;
        }
        recent.push(told(seen));
        state.places.heard((seen.sequence, seen.stored_at));
        drop(state);
        self.changed.send_replace(());
        true
    }

    /// Checks whether the feed is another one or has gone back.
    async fn look(&self) -> Result<bool, NatsError> {
        let extent = Extent::of(&self.link).await?;
        if self.note(&extent) {
            return Ok(true);
        }
        let newest = self.lock().places.newest().unwrap_or((0, extent.last_at));
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            let extent = Extent::of(&self.link).await?;
            if extent.last >= newest.0 && (newest.0 == 0 || !self.is_another(newest).await?) {
                if extent.last > 0 {
                    self.lock().places.seen((extent.last, extent.last_at));
                }
                return Ok(false);
            }
        }
        let known = self.lock().places.newest_first();
        let mut kept = 0;
        for place in known {
            if self.is_there(place).await? {
                kept = place.0;
                break;
            }
        }
        tracing::warn!(
            was = newest.0,
            is = kept,
            "the feed has gone back: NATS lost events, or its data was restored"
        );
        let mut state = self.lock();
        state.places.lose(kept);
        state.turned(Turn::Back(kept));
        drop(state);
        self.changed.send_replace(());
        Ok(true)
    }

    /// Whether an event of this number was stored at another time.
    async fn is_another(&self, place: Place) -> Result<bool, NatsError> {
        Ok(self.stored_at(place.0).await?.is_some_and(|stored_at| !is_close(stored_at, place)))
    }

    async fn is_there(&self, place: Place) -> Result<bool, NatsError> {
        Ok(self.stored_at(place.0).await?.is_some_and(|stored_at| is_close(stored_at, place)))
    }

    /// When the event of this number was stored, if it is there.
    async fn stored_at(&self, sequence: u64) -> Result<Option<u64>, NatsError> {
        let batch = Batch::read(&self.link, EVENTS, &json!({ "seq": sequence, "batch": 1 })).await?;
        let message = batch.messages.first().filter(|message| message.sequence() == sequence);
        Ok(message.map(|message| self.link.clock().shown(message.stored_at()).as_micros()))
    }

    /// Notes which stream the feed is; gives whether it is another one than before.
    pub(super) fn note(&self, extent: &Extent) -> bool {
        let mut state = self.lock();
        let is_another = state.born != 0 && state.born != extent.born;
        state.born = extent.born;
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

    /// Waits until this reader may read a page of the stream, which it does until the returned value is dropped.
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
    }
}

fn is_close(stored_at: u64, place: Place) -> bool {
    stored_at.abs_diff(place.1.as_micros()) <= ROUNDING_MICROS
}

/// Reads a message of the stream.
pub(super) fn told(seen: &Seen) -> Told {
    let event = Event::of(seen).map(Arc::new);
    Told { sequence: seen.sequence, event, bytes: seen.payload.len() }
}

/// Waits for the next message; for ever without a consumer.
async fn next(tail: &mut Option<Tail>) -> Result<Seen, NatsError> {
    match tail {
        Some(tail) => tail.next().await,
        None => std::future::pending().await,
    }
}
