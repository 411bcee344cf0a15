//! Keeps the last view of JetStream's room, refreshes it again and again, and gives parts of it to new timers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::foundation::metrics::Metrics;
use crate::nats::{self, Link, MayAsk, NatsError};
use crate::node::heartbeat::Heartbeat;
use rules::room::{Account, Budget, Room, Sight, State};

/// The time between two looks, if no new timer asks for one.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The shortest time between two looks for new timers.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A view is forgotten after this long without another look.
const FORGET_AFTER: Duration = Duration::from_secs(30);

/// How long new timers are refused after JetStream has refused a write for lack of room.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// How long the room is called short after a new timer was refused. The rest may do for smaller timers, as long as it lasts.
const SHORT_FOR: Duration = Duration::from_secs(10);

/// After this many looks in a row that show nothing, the log says so; before, the sweeper may not have measured yet.
const UNSEEN_LOOKS: u32 = 6;

/// Bytes that must stay free on the disk of a node's own server, for everything but messages: indexes, blocks being rewritten.
const DISK_RESERVE: u64 = 64 << 20;

/// The room as this node knows it. Cheap to clone.
#[derive(Clone)]
pub struct Keeper {
    link: Link,
    /// The directory of the node's own server, if it has one.
    dir: Option<Arc<PathBuf>>,
    known: Arc<Mutex<RoomView>>,
    /// At most one task looks at a time.
    eyes: Arc<tokio::sync::Mutex<MayAsk>>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct RoomView {
    budget: Budget,
    account: Option<Account>,
    /// The number of nodes, including this one: each takes room.
    nodes: u64,
    looked: Option<Instant>,
    /// When a new timer was last refused.
    refused: Option<Instant>,
    /// Looks in a row that showed nothing.
    unseen: u32,
    /// The last state that the log has told.
    said: Option<State>,
}

/// Room that is taken for a timer that is being stored.
pub struct Pending {
    known: Arc<Mutex<RoomView>>,
    bytes: u64,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).budget.settle(self.bytes);
    }
}

impl Keeper {
    /// A keeper that has seen nothing yet, and so refuses nothing. `dir` is where the node's own server stores, if it has one.
    pub fn new(link: Link, dir: Option<PathBuf>, metrics: Arc<Metrics>) -> Self {
        Self { link, dir: dir.map(Arc::new), known: Arc::default(), eyes: Arc::default(), metrics }
    }

    /// Takes this many bytes for something that a client wants to store.
    ///
    /// # Errors
    ///
    /// [`NatsError::NoRoom`] if the remaining room is kept for timers that are promised already; another error if the room
    /// cannot be determined now.
    pub async fn take(&self, bytes: u64) -> Result<Pending, NatsError> {
        if self.is_refused() {
            return Err(self.none(format!("it has refused a write within the last {REFUSED_FOR:?}")));
        }
        match self.try_take(bytes) {
            Some(pending) => Ok(pending),
            None => Box::pin(self.take_after_a_look(bytes)).await,
        }
    }

    async fn take_after_a_look(&self, bytes: u64) -> Result<Pending, NatsError> {
        let mut may_ask = self.eyes.lock().await;
        if let Some(pending) = self.try_take(bytes) {
            return Ok(pending);
        }
        if self.lock().looked.is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN) {
            self.look(&mut may_ask).await?;
        }
        if let Some(pending) = self.try_take(bytes) {
            return Ok(pending);
        }
        self.lock().refused = Some(Instant::now());
        let room = self.lock().budget.room();
        let [free, kept] = room.map_or([0, 0], |room| [room.free, room.kept]).map(mebibytes);
        Err(self.none(format!(
            "it can still store {free}, of which {kept} are reserved for these, and nodes share the rest"
        )))
    }

    /// Whether there was room at the last look.
    pub fn state(&self) -> State {
        let (room, refused) = {
            let known = self.lock();
            (known.budget.room(), known.refused)
        };
        let was_refused = refused.is_some_and(|refused| refused.elapsed() < SHORT_FOR);
        match room {
            _ if self.is_refused() || was_refused => State::Short,
            Some(room) if room.is_short() => State::Short,
            Some(_) => State::Enough,
            None => State::Unseen,
        }
    }

    /// Takes this many bytes for something that is useful but not needed, if the last look showed room for it beyond the
    /// reserve. It does not look, and makes no caller wait.
    pub fn has_room_for(&self, bytes: u64) -> bool {
        // The next look shows whether it was stored.
        !self.is_refused() && self.try_take(bytes).is_some()
    }

    /// The room and the account, as of the last look.
    pub fn seen(&self) -> (Option<Room>, Option<Account>) {
        let known = self.lock();
        (known.budget.room(), known.account)
    }

    /// Looks again and again until `stop`.
    pub async fn run(self, heartbeat: Heartbeat, stop: CancellationToken) {
        let looking = async {
            loop {
                self.lock().nodes = heartbeat.count().iter().map(|(_, count)| *count as u64).sum();
                let looked = Box::pin(async { self.look(&mut *self.eyes.lock().await).await }).await;
                if let Err(error) = looked {
                    tracing::debug!(%error, "cannot see how much room JetStream has");
                    self.forget();
                }
                self.say();
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = looking => {}
        }
    }

    fn try_take(&self, bytes: u64) -> Option<Pending> {
        self.lock().budget.take(bytes).then(|| Pending { known: self.known.clone(), bytes })
    }

    fn none(&self, why: String) -> NatsError {
        self.metrics.nats.creations_without_room.inc();
        NatsError::NoRoom(why)
    }

    fn is_refused(&self) -> bool {
        self.link.refused_for_room().is_some_and(|refused| refused.elapsed() < REFUSED_FOR)
    }

    async fn look(&self, may_ask: &mut MayAsk) -> Result<(), NatsError> {
        let disk = self.dir.as_ref().and_then(|dir| free_on_disk(dir));
        let sight = Sight { disk, ..nats::room(&self.link, may_ask).await? };
        let mut known = self.lock();
        let (room, nodes) = (sight.room(), known.nodes);
        known.budget.divide(room, nodes);
        known.account = sight.account;
        known.looked = Some(Instant::now());
        Ok(())
    }

    fn forget(&self) {
        let mut known = self.lock();
        if known.looked.is_some_and(|looked| looked.elapsed() >= FORGET_AFTER) {
            known.budget.divide(None, 1);
            known.looked = None;
        }
    }

    /// Logs the state if it has changed.
    fn say(&self) {
        let state = self.state();
        let mut known = self.lock();
        let room = known.budget.room();
        known.unseen = if state == State::Unseen { known.unseen.saturating_add(1) } else { 0 };
        // On the border, the state would change over and over.
        let on_the_border = room.is_some_and(|room| room.free < room.kept.saturating_add(room.kept / 8));
        let over = known.said == Some(State::Short) && state == State::Enough;
        let too_soon = state == State::Unseen && known.unseen < UNSEEN_LOOKS;
        if known.said == Some(state) || (over && on_the_border) || too_soon {
            return;
        }
        let (free, kept) = room.map_or((0, 0), |room| (room.free, room.kept));
        match state {
            State::Short => tracing::error!(
                free,
                kept,
                "JetStream's storage is nearly full: new timers are refused with 503; timers that exist are still called \
                 and can be cancelled. Raise max_file_store of the servers or max_storage of the account, or let timers \
                 leave sooner with --retention"
            ),
            State::Enough if known.said == Some(State::Short) => {
                tracing::info!(free, kept, "JetStream has room for new timers again");
            }
            State::Enough => {}
            State::Unseen => tracing::warn!(
                "this node cannot see how much JetStream may still store, so it refuses no timer before JetStream does: \
                 docs/nats.md, \"When the store is full\", says what to export or to allow"
            ),
        }
        known.said = Some(state);
    }

    fn lock(&self) -> MutexGuard<'_, RoomView> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes that a server may still write to the disk of this directory.
fn free_on_disk(dir: &std::path::Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize).saturating_sub(DISK_RESERVE))
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
