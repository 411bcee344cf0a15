//! Pulls wakes and attends to them: the only loop that fires.
//!
//! It asks for as many wakes as it has room for, gives each a task, and keeps the broker informed while
//! a task waits or is busy. What a task does once it is its turn is the engine's business.
//!
//! **Invariant:** no more wakes are in this process than its line has room for.

mod line;

pub use line::Line;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::domain::machine::linger_delay;
use crate::domain::timer::TimerId;
use crate::engine::{Attended, Engine, Worker};
use crate::journal::Left;
use crate::metrics;
use crate::nats::{ACK_WAIT, Link, NatsError, Pulled, Puller, Wake, Wakes};
use crate::tasks::Tasks;

/// How often the broker hears that a wake is still attended to: twice within its ack wait.
const KEEP_EVERY: Duration = Duration::from_millis(ACK_WAIT.as_millis() as u64 * 2 / 5);

/// The pause after pulling has failed the first time, and the longest one: a change of leader takes
/// seconds.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// So many failures in a row are worth a line in the log.
const TROUBLE_SAID_AFTER: u32 = 3;

/// How often a node whose clock is off looks whether it is right again.
const CLOCK_LOOK: Duration = Duration::from_millis(200);

/// The most wakes that are asked for at once. A node that is slower than others asks less often, and so has fewer of them.
const MOST_PULLED: usize = 4_096;

/// What still comes to a node that stops waits so long until it comes again, so that it does not come
/// to the same node over and over. It is less than the lead with which wakes come.
const HAND_OVER_DELAY: Duration = Duration::from_millis(100);

/// When a timer that could not be looked at is looked at again, at the soonest. It is no sooner than a
/// wake would linger: those tries count too.
const TROUBLE_DELAY: Duration = Duration::from_secs(1);

/// When a timer whose record cannot be read, or whose worker the rules refuse, is looked at again: by then somebody may
/// have mended it, or a newer node may take it.
const UNREADABLE_DELAY: Duration = Duration::from_secs(60);

/// Pulls and attends until `worker.stop` is cancelled; then hands back what it only holds, and
/// takes no more. It has no more wakes at a time than the line of `work` has room for. Each has a task, which `in_hand` tracks: these tasks end
/// once every call has ended and its outcome is stored, even if this loop panics. It also does what follows from the journals that nodes
/// which are gone have `left`.
pub async fn run(work: Work, link: Link, left: Vec<Left>) {
    let places = Arc::new(Semaphore::new(work.line.room()));
    let attending = Arc::new(work);
    let stop = attending.worker.stop.clone();
    if !left.is_empty() {
        let (engine, stop) = (attending.engine.clone(), stop.clone());
        let inherited = attending.in_hand.track_future(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = engine.inherit(left) => {}
            }
        });
        attending.tasks.one_of_many(metrics::Task::Journal, None, inherited);
    }
    let mut trouble = Trouble::default();
    stop.run_until_cancelled(attending.engine.clock_compared()).await;
    while !stop.is_cancelled() {
        let why = match attending.pull(&link, &places, &mut trouble).await {
            Ok(()) => break,
            Err(why) => why,
        };
        attending.engine.metrics().work.pull_failures.inc();
        let pause = trouble.again(&why);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Pulling that fails: said once, and tried again ever more slowly.
#[derive(Default)]
struct Trouble {
    times: u32,
}

impl Trouble {
    /// Notes a failure and gives the pause after it.
    fn again(&mut self, why: &str) -> Duration {
        // A single one is a change of leader, or a connection that was just lost and was logged.
        if self.times == TROUBLE_SAID_AFTER {
            tracing::warn!(why, "no due timers can be had from NATS; trying on");
        }
        self.times = self.times.saturating_add(1);
        (PAUSE * 2_u32.saturating_pow(self.times.min(8))).min(LONGEST_PAUSE)
    }

    fn over(&mut self) {
        if self.times > TROUBLE_SAID_AFTER {
            tracing::info!("due timers come from NATS again");
        }
        self.times = 0;
    }
}

/// When the broker first hears that a wake is still in this node: after a half to all of [`KEEP_EVERY`], by the timer's id.
fn first_keep(id: TimerId) -> Duration {
    let share = id.as_u128() % 1_024;
    KEEP_EVERY / 2 + KEEP_EVERY * u32::try_from(share).unwrap_or_default() / 2_048
}

/// What every task needs.
pub struct Work {
    /// Attends to each wake.
    pub engine: Engine,
    /// Settles wakes and gives them back.
    pub wakes: Wakes,
    /// Where wakes wait for their turn.
    pub line: Line,
    /// What the engine needs to make calls.
    pub worker: Worker,
    /// Where tasks are spawned.
    pub tasks: Tasks,
    /// Tracks the tasks, each of which may have a call in progress.
    pub in_hand: TaskTracker,
}

impl Work {
    /// Pulls until the node is to stop, or until pulling fails, with why.
    async fn pull(
        self: &Arc<Self>,
        link: &Link,
        places: &Arc<Semaphore>,
        trouble: &mut Trouble,
    ) -> Result<(), String> {
        let mut puller = Puller::new(link.clone()).await.map_err(|error| error.to_string())?;
        let mut free: Vec<OwnedSemaphorePermit> = Vec::new();
        let stop = &self.worker.stop;
        loop {
            if puller.open() == 0 && self.engine.is_clock_off() {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(CLOCK_LOOK) => continue,
                }
            }
            if puller.open() == 0 {
                free.clear();
                let count = tokio::select! {
                    biased;
                    () = stop.cancelled() => return Ok(()),
                    first = places.clone().acquire_owned() => {
                        free.extend(first.ok());
                        while free.len() < MOST_PULLED
                            && let Ok(place) = places.clone().try_acquire_owned()
                        {
                            free.push(place);
                        }
                        free.len()
                    }
                };
                puller.request(count).await.map_err(|error| error.to_string())?;
            }
            match puller.next().await {
                // The request cannot be taken back; what it still brings goes to another node.
                Pulled::Wake(wake) if stop.is_cancelled() => {
                    self.wakes.give_back(&wake, HAND_OVER_DELAY).await;
                }
                Pulled::Wake(wake) => {
                    trouble.over();
                    self.start(wake, free.pop());
                }
                Pulled::Over => trouble.over(),
                Pulled::Trouble(why) => return Err(why),
            }
        }
    }

    fn start(self: &Arc<Self>, wake: Wake, place: Option<OwnedSemaphorePermit>) {
        let this = self.clone();
        let timer = wake.id;
        // If it panics its places are given back, and the broker does not hear of the wake, which comes again after the
        // ack wait.
        let attended = self.in_hand.track_future(async move {
            this.attend(&wake).await;
            drop(place);
        });
        self.tasks.one_of_many(metrics::Task::Wake, Some(timer), attended);
    }

    /// Attends to a wake once it is its turn.
    async fn in_turn(&self, wake: &Wake) -> Result<Attended, NatsError> {
        let in_line = self.engine.metrics().work.wake_in_line();
        let _turn = tokio::select! {
            biased;
            () = self.worker.stop.cancelled() => return Ok(Attended::GiveBack(Duration::ZERO)),
            turn = self.line.turn(wake.receiver.as_deref()) => turn,
        };
        drop(in_line);
        let _held = self.engine.metrics().work.wake();
        // Made now, so that a wake in line takes less memory.
        Box::pin(self.engine.attend(wake, &self.worker)).await
    }

    async fn attend(&self, wake: &Wake) {
        // Beside each other: a connection that stalls must not keep the timer from its instant.
        let keeping = async {
            // Thousands come at one instant; the broker is not to hear of all of them at one instant over and over.
            tokio::time::sleep(first_keep(wake.id)).await;
            loop {
                self.wakes.keep(wake).await;
                tokio::time::sleep(KEEP_EVERY).await;
            }
        };
        let attended = tokio::select! {
            biased;
            attended = self.in_turn(wake) => attended,
            never = keeping => match never {},
        };
        self.engine.metrics().work.wakes.count(match &attended {
            Ok(Attended::Settle) => metrics::Wake::Settled,
            Ok(Attended::GiveBack(_)) => metrics::Wake::GivenBack,
            Ok(Attended::Refused(_)) => metrics::Wake::Fault,
            Err(_) => metrics::Wake::Trouble,
        });
        match attended {
            Ok(Attended::Settle) => self.wakes.settle(wake).await,
            Ok(Attended::GiveBack(delay)) => self.wakes.give_back(wake, delay).await,
            Ok(Attended::Refused(refusal)) => {
                tracing::error!(
                    timer = %wake.id,
                    ?refusal,
                    "a fault of jettimer: the rules refuse what a worker wants of a timer. It is looked at again in \
                     {UNREADABLE_DELAY:?}"
                );
                self.wakes.give_back(wake, UNREADABLE_DELAY).await;
            }
            Err(error) => {
                let delay = match &error {
                    NatsError::Unreadable(_) | NatsError::TooLarge { .. } => {
                        tracing::error!(%error, "cannot attend to a timer");
                        UNREADABLE_DELAY
                    }
                    NatsError::Unclear(_) | NatsError::NotDone(_) | NatsError::NoRoom(_) => {
                        tracing::debug!(timer = %wake.id, %error, "cannot attend to a timer now");
                        linger_delay(wake.tries).max(TROUBLE_DELAY)
                    }
                };
                self.wakes.give_back(wake, delay).await;
            }
        }
    }
}
