//! Pulls wakes and attends to them: the only loop that fires.
//!
//! It asks for as many wakes as it has places, gives each a task, and keeps the broker informed while
//! a task is busy. What a task does is the engine's business.
//!
//! **Invariant:** no more than [`Limits::held`] wakes are in this process.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::engine::{Attended, Engine, Worker};
use crate::nats::{ACK_WAIT, Link, NatsError, Pulled, Puller, Wake, Wakes};

/// Bounds of one node.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Wakes in this process: held until their instant, or being called.
    pub held: usize,
}

/// How often the broker hears that a wake is still attended to: twice within its ack wait.
const KEEP_EVERY: Duration = Duration::from_millis(ACK_WAIT.as_millis() as u64 * 2 / 5);

/// The pause after pulling has failed.
const PAUSE: Duration = Duration::from_millis(200);

/// When a timer that could not be looked at is looked at again.
const TROUBLE_DELAY: Duration = Duration::from_secs(1);

/// When a timer whose record cannot be read is looked at again: by then somebody may have mended it,
/// or a newer node may take it.
const UNREADABLE_DELAY: Duration = Duration::from_secs(60);

/// Pulls and attends until `worker.stop` is cancelled; then hands back what it only holds, and
/// returns once every call has ended and its outcome is stored.
pub async fn run(engine: Engine, wakes: Wakes, link: Link, worker: Worker, limits: Limits) {
    let places = Arc::new(Semaphore::new(limits.held));
    let attending = Attending { engine, wakes, worker, tasks: TaskTracker::new() };
    while !attending.worker.stop.is_cancelled() {
        if let Err(error) = attending.pull(&link, &places).await {
            tracing::debug!(%error, "cannot pull");
            tokio::select! {
                () = attending.worker.stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
    attending.tasks.close();
    attending.tasks.wait().await;
}

/// What every task needs.
#[derive(Clone)]
struct Attending {
    engine: Engine,
    wakes: Wakes,
    worker: Worker,
    tasks: TaskTracker,
}

impl Attending {
    /// Pulls until it fails or the node is to stop.
    async fn pull(&self, link: &Link, places: &Arc<Semaphore>) -> Result<(), NatsError> {
        let mut puller = Puller::new(link.clone()).await?;
        let mut free: Vec<OwnedSemaphorePermit> = Vec::new();
        let stop = &self.worker.stop;
        loop {
            if puller.open() == 0 {
                free.clear();
                let count = tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    first = places.clone().acquire_owned() => {
                        free.extend(first.ok());
                        while let Ok(place) = places.clone().try_acquire_owned() {
                            free.push(place);
                        }
                        free.len()
                    }
                };
                puller.request(count).await?;
            }
            let pulled = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                pulled = puller.next() => pulled,
            };
            match pulled {
                Pulled::Wake(wake) => self.start(wake, free.pop()),
                Pulled::Over => {}
            }
        }
        for wake in puller.stop().await {
            self.wakes.give_back(&wake, Duration::ZERO).await;
        }
        Ok(())
    }

    fn start(&self, wake: Wake, place: Option<OwnedSemaphorePermit>) {
        let this = self.clone();
        self.tasks.spawn(async move {
            this.attend(&wake).await;
            drop(place);
        });
    }

    async fn attend(&self, wake: &Wake) {
        let attended = {
            let attending = self.engine.attend(wake, &self.worker);
            tokio::pin!(attending);
            loop {
                tokio::select! {
                    biased;
                    attended = &mut attending => break attended,
                    () = tokio::time::sleep(KEEP_EVERY) => self.wakes.keep(wake).await,
                }
            }
        };
        match attended {
            Ok(Attended::Settle) => self.wakes.settle(wake).await,
            Ok(Attended::GiveBack(delay)) => self.wakes.give_back(wake, delay).await,
            Err(error) => {
                let delay = match &error {
                    NatsError::Unreadable(_) => {
                        tracing::error!(%error, "cannot attend to a timer");
                        UNREADABLE_DELAY
                    }
                    NatsError::Unclear(_) | NatsError::NotDone(_) => {
                        tracing::debug!(timer = %wake.id, %error, "cannot attend to a timer now");
                        TROUBLE_DELAY
                    }
                };
                self.wakes.give_back(wake, delay).await;
            }
        }
    }
}
