//! Keeps the index and the history: fills them from the bucket, and follows every change.
//!
//! The index trails the bucket by the time that a message takes, some milliseconds; while NATS is away it answers from its last
//! state. It gives no answer until it has been filled for the first time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::foundation::clock::Clock;
use crate::foundation::metrics::{self, Indexed, Task};
use crate::foundation::tasks::Tasks;
use crate::nats::{Link, NatsError, Watch, Watched};
use rules::domain::time::Timestamp;
use rules::history::{History, MINUTES, Report};
use rules::index::{Index, max_bytes};
use rules::receivers::Waits;

/// How often the index drops timers that have left by themselves. The server itself looks at whole seconds.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// The span that the history covers.
const HOUR: Duration = Duration::from_secs(60 * MINUTES as u64);

/// The pause after watching has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The index of one node. Cheap to clone.
#[derive(Clone)]
pub struct Finder {
    shared: Arc<Shared>,
    clock: Clock,
}

struct Shared {
    limit: usize,
    /// The shortest time for which a record stays once its timer has ended.
    retention: Duration,
    known: RwLock<IndexState>,
    filled: AtomicBool,
    /// The sequence number up to which the index that answers has every change.
    heard: AtomicU64,
    /// When the index last heard of a change, in microseconds since 1970; 0 if never.
    last_change: AtomicU64,
}

/// The index and the history, as filled from the bucket.
struct IndexState {
    index: Index,
    history: History,
}

impl IndexState {
    fn apply(&mut self, watched: &Watched, now: Timestamp) {
        match watched {
            Watched::Record { timer, revision, expires_at } => {
                for (at, happened) in self.index.apply(timer, *revision, *expires_at) {
                    self.history.note(now, at, happened);
                }
                // The bucket may keep a record for longer than the API shows it.
                self.index.expire(now);
            }
            Watched::Gone { id, revision } => self.index.remove(*id, *revision),
            // The task that fills the index handles it.
            Watched::CaughtUp => {}
        }
    }
}

/// Silences the index if the task that keeps it panics: it would not hear of changes, and may be half changed.
struct Frozen(Arc<Shared>);

impl Drop for Frozen {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.filled.store(false, Ordering::Release);
        }
    }
}

impl Finder {
    /// Begins to fill an index of at most `limit` timers, whose records stay for `retention` once they have ended. A task of `tasks`
    /// keeps it until `stop`.
    pub fn start(
        link: Link,
        clock: Clock,
        limit: usize,
        retention: Duration,
        tasks: &Tasks,
        stop: CancellationToken,
    ) -> Self {
        let shared = Shared {
            limit,
            retention,
            known: RwLock::new(IndexState { index: Index::new(0), history: History::new(clock.now()) }),
            filled: AtomicBool::new(false),
            heard: AtomicU64::new(0),
            last_change: AtomicU64::new(0),
        };
        let finder = Self { shared: Arc::new(shared), clock };
        let keeping = finder.clone();
        tasks.keep(Task::Finder, stop.clone(), async move {
            stop.run_until_cancelled(keeping.keep(link)).await;
        });
        finder
    }

    /// Asks the index; `None` until it has been filled.
    pub fn ask<T>(&self, question: impl FnOnce(&Index) -> T) -> Option<T> {
        self.known(|known| question(&known.index))
    }

    /// The events of the last hour, and whether all timers are counted; `None` until the index has been filled.
    pub fn report(&self) -> Option<(Report, bool)> {
        self.known(|known| (known.history.report(self.clock.now()), known.index.is_complete()))
    }

    fn known<T>(&self, question: impl FnOnce(&IndexState) -> T) -> Option<T> {
        let filled = self.shared.filled.load(Ordering::Acquire);
        filled.then(|| question(&self.shared.known.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The most timers that are indexed.
    pub fn limit(&self) -> usize {
        self.shared.limit
    }

    async fn keep(self, link: Link) {
        let _frozen = Frozen(self.shared.clone());
        let mut said = None;
        loop {
            let Err(error) = self.watch(&link).await;
            let text = error.to_string();
            // Until the index is filled, the same reason is logged once.
            if said.as_ref() != Some(&text) || self.shared.filled.load(Ordering::Acquire) {
                tracing::warn!(%error, "the index missed changes, and is filled again");
                said = Some(text);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn watch(&self, link: &Link) -> Result<std::convert::Infallible, NatsError> {
        let mut watch = Watch::start(link).await?;
        // A second filling starts from nothing, as records may have gone meanwhile; until it is done, answers come from the first
        // index.
        let mut fresh = Some(IndexState {
            index: Index::new(self.shared.limit),
            history: History::new(self.clock.now().saturating_sub(HOUR.min(self.shared.retention))),
        });
        let mut expire = tokio::time::interval(EXPIRE_EVERY);
        loop {
            let watched = tokio::select! {
                watched = watch.next() => watched?,
                _ = expire.tick() => {
                    self.change(fresh.as_mut(), |known| known.index.expire(self.clock.now()));
                    // The sequence also covers entries that are not timers and so were passed over.
                    self.note_heard(&watch, fresh.is_none());
                    watch.check().await?;
                    continue;
                }
            };
            match watched {
                Watched::Record { .. } | Watched::Gone { .. } => {
                    let now = self.clock.now();
                    self.change(fresh.as_mut(), |known| known.apply(&watched, now));
                    self.shared.last_change.store(self.clock.world().as_micros(), Ordering::Relaxed);
                }
                Watched::CaughtUp => {
                    let Some(filled) = fresh.take() else { continue };
                    if !filled.index.is_complete() {
                        tracing::warn!(
                            limit = self.shared.limit,
                            "there are more timers than the index may hold (--index-limit): lists leave some out"
                        );
                    }
                    tracing::debug!(timers = filled.index.len(), "the index is filled");
                    *self.shared.known.write().unwrap_or_else(PoisonError::into_inner) = filled;
                    self.shared.filled.store(true, Ordering::Release);
                }
            }
            self.note_heard(&watch, fresh.is_none());
        }
    }

    /// Notes how far the index that answers has come, if that is the one being changed.
    fn note_heard(&self, watch: &Watch, is_asked: bool) {
        if is_asked {
            self.shared.heard.store(watch.heard(), Ordering::Relaxed);
        }
    }

    /// The state of the index for the metrics. `last` is the last change in the bucket, and `waits` says which timers wait for their
    /// receiver.
    pub fn indexed(&self, last: Option<u64>, waits: &Waits) -> Indexed {
        let known = self.ask(|index| {
            let counts = index.counts(waits, self.clock.moment());
            metrics::IndexContents {
                timers: index.len(),
                bytes: index.bytes(),
                complete: index.is_complete(),
                by_state: counts.by_state,
                overdue: counts.overdue,
                held_up: counts.held_up,
            }
        });
        let heard = self.shared.heard.load(Ordering::Relaxed);
        Indexed {
            limit: self.shared.limit,
            bytes_limit: max_bytes(self.shared.limit),
            known,
            lag: last.map(|last| last.saturating_sub(heard)),
            last_change_micros: self.shared.last_change.load(Ordering::Relaxed),
        }
    }

    /// Changes the index that is being filled, if there is one, or else the one that answers.
    fn change(&self, fresh: Option<&mut IndexState>, change: impl FnOnce(&mut IndexState)) {
        match fresh {
            Some(fresh) => change(fresh),
            None => change(&mut self.shared.known.write().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}
