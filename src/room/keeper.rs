//! Keeps what was seen of the room, looks again and again, and gives parts of it to new timers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Account, Budget, Room, Sight, State};
use crate::heartbeat::Heartbeat;
use crate::metrics::Metrics;
use crate::nats::{Link, MayAsk, NatsError};

/// How long between two looks, if no new timer asks for one.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long between two looks for new timers, at least.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What was seen is forgotten after this long without another look.
const FORGET_AFTER: Duration = Duration::from_secs(30);

/// Nothing new is tried for so long after JetStream has refused a write for lack of room.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// It is called short for so long after a new timer was refused: what is left may do for a smaller one, as long as there is some.
const SHORT_FOR: Duration = Duration::from_secs(10);

/// So many looks in a row that show nothing are said: the sweeper may not have measured yet.
const UNSEEN_LOOKS: u32 = 6;

/// What has to stay free on the disk of a node's own server, for all that is no message: indexes, blocks that are rewritten.
const DISK_RESERVE: u64 = 64 << 20;

/// The room as a node knows it. Cheap to clone.
#[derive(Clone)]
pub struct Keeper {
    link: Link,
    /// The directory of the node's own server, if it has one.
    dir: Option<Arc<PathBuf>>,
    known: Arc<Mutex<Known>>,
    /// One looks at a time.
    eyes: Arc<tokio::sync::Mutex<MayAsk>>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Known {
    budget: Budget,
    account: Option<Account>,
    /// How many nodes there are, this one included: each takes room.
    nodes: u64,
    looked: Option<Instant>,
    /// When a new timer was refused last.
    refused: Option<Instant>,
    /// Looks in a row that showed nothing.
    unseen: u32,
    /// What was said last, until it is otherwise.
    said: Option<State>,
}

/// Room that was taken for a timer that is being stored.
pub struct Pending {
    known: Arc<Mutex<Known>>,
    bytes: u64,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).budget.settle(self.bytes);
    }
}

impl Keeper {
    /// Nothing was seen yet, so nothing is refused. `dir` is where the node's own server stores, if it has one.
    pub fn new(link: Link, dir: Option<PathBuf>, metrics: Arc<Metrics>) -> Self {
        Self { link, dir: dir.map(Arc::new), known: Arc::default(), eyes: Arc::default(), metrics }
    }

    /// Takes so many bytes for what a client wants to store.
    ///
    /// # Errors
    ///
    /// [`NatsError::NoRoom`] if what is left is kept for timers that are promised already; another one if that cannot be told
    /// now.
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
            "it may still store {free}, of which {kept} are kept for those and nodes share the rest"
        )))
    }

    /// Whether there is room, as it was seen last.
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

    /// Takes so many bytes for what is good to have and not needed, if there is room for it beyond the reserve, as it was seen
    /// last. It does not look, and no one waits.
    pub fn has_room_for(&self, bytes: u64) -> bool {
        // Stored or not, the next look shows it.
        !self.is_refused() && self.try_take(bytes).is_some()
    }

    /// What was seen last of the room and of the account.
    pub fn seen(&self) -> (Option<Room>, Option<Account>) {
        let known = self.lock();
        (known.budget.room(), known.account)
    }

    /// Looks until `stop`.
    pub async fn run(self, heartbeat: Heartbeat, stop: CancellationToken) {
        let looking = async {
            loop {
                self.lock().nodes = heartbeat.count().iter().map(|(_, count)| *count as u64).sum();
                let looked = Box::pin(async { self.look(&mut *self.eyes.lock().await).await }).await;
                if let Err(error) = looked {
                    tracing::debug!(%error, "the room in JetStream cannot be seen now");
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
        let sight = Sight { disk, ..self.link.room(may_ask).await? };
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

    /// Says what is otherwise than before.
    fn say(&self) {
        let state = self.state();
        let mut known = self.lock();
        let room = known.budget.room();
        known.unseen = if state == State::Unseen { known.unseen.saturating_add(1) } else { 0 };
        // On the border it would be said over and over.
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
                "JetStream's storage is nearly full: new timers are refused with 503, those that are promised are called \
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

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server may still write to the disk of this directory.
fn free_on_disk(dir: &std::path::Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize).saturating_sub(DISK_RESERVE))
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
