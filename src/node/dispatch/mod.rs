//! Pulls wakes and attends to them: the only loop that fires.
//!
//! It requests as many wakes as it has room for, gives each wake a task, and sends progress acks to the broker while
//! the task waits or is busy. The engine decides what a task does at its turn.
//!
//! **Invariant:** this process has no more wakes than its line has room for.

mod line;

pub use line::Line;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::foundation::failures::Failures;
use crate::foundation::metrics;
use crate::foundation::tasks::Tasks;
use crate::nats::{ACK_WAIT, Link, NatsError, Pulled, Puller, Wake, Wakes};
use crate::node::engine::{Attended, Engine, Worker};
use crate::node::journal::Left;
use rules::backoff::Backoff;
use rules::domain::machine::{LEAD, LONGEST_LEAD, linger_delay};
use rules::domain::timer::TimerId;

/// How often a task tells the broker that it still attends to its wake: twice within the ack wait.
const KEEP_EVERY: Duration = Duration::from_millis(ACK_WAIT.as_millis() as u64 * 2 / 5);

/// The pauses after failures to pull: a change of leader takes seconds.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };

/// The failure in a row that is worth a line in the log. The first ones are a change of leader, or a lost connection, which was logged.
const TOLD_AT: u32 = 4;

/// How often a node whose clock is off checks whether it is right again.
const CLOCK_LOOK: Duration = Duration::from_millis(200);

/// The most wakes in one request. A node that is slower than others asks less often, and so gets fewer of them.
const MOST_PULLED: usize = 4_096;

/// How long a wake that still comes to a stopping node waits until it comes again, so that it does not return to the same node
/// over and over. It is less than the lead with which wakes come.
const HAND_OVER_DELAY: Duration = Duration::from_millis(100);

/// The shortest delay until a node looks again at a timer that it could not look at. It looks no sooner than after the time
/// for which a wake would linger, since these tries count, too.
const TROUBLE_DELAY: Duration = Duration::from_secs(1);

/// The delay until a node looks again at a timer whose record cannot be read. By then an operator may have repaired it, or a newer node
/// may take it.
const UNREADABLE_DELAY: Duration = Duration::from_secs(60);

/// Pulls and attends to wakes until `worker.stop` is cancelled. Then it hands back the wakes that it only holds, and takes no more.
///
/// It has no more wakes at a time than the line of `work` has room for. Each wake has a task, which `in_hand` tracks: these tasks end
/// once every call has ended and its outcome is stored, even if this loop panics. It also hands the entries that gone nodes have `left`
/// in their journals to the engine.
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
    let mut failures = Failures::told_at(TOLD_AT);
    stop.run_until_cancelled(attending.engine.clock_compared()).await;
    while !stop.is_cancelled() {
        let why = match attending.pull(&link, &places, &mut failures).await {
            Ok(()) => break,
            Err(why) => why,
        };
        attending.engine.metrics().work.pull_failures.inc();
        let pause = BACKOFF.after(failures.in_a_row());
        if failures.add() {
            tracing::warn!(why, "cannot fetch due timers from NATS; retrying");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Ends a row of failures to pull.
fn pulled(failures: &mut Failures) {
    if failures.end() {
        tracing::info!("due timers can be fetched from NATS again");
    }
}

/// The latest first progress ack of a wake, after it has come. If it is lost, the wake comes again, which does no harm.
const LATEST_FIRST_KEEP: Duration = Duration::from_millis(ACK_WAIT.as_millis() as u64 * 7 / 10);

/// The delay of the first progress ack of a wake that is this early: between half of [`KEEP_EVERY`] and all of it, by the timer's id,
/// from when the node attends to the wake. So most wakes of calls that are soon over need none.
fn first_keep(id: TimerId, early: Duration) -> Duration {
    let share = u32::try_from(id.as_u128() % 1_024).unwrap_or_default();
    (early + KEEP_EVERY / 2 + KEEP_EVERY * share / 2_048).min(LATEST_FIRST_KEEP)
}

/// The parts that every task needs.
pub struct Work {
    pub engine: Engine,
    /// Settles wakes and gives them back.
    pub wakes: Wakes,
    /// Where wakes wait for their turn.
    pub line: Line,
    /// The parts that the engine needs to make calls.
    pub worker: Worker,
    pub tasks: Tasks,
    /// Tracks the tasks, each of which may have a call in progress.
    pub in_hand: TaskTracker,
}

impl Work {
    /// Pulls until the node is told to stop, or until pulling fails; the error says why.
    async fn pull(
        self: &Arc<Self>,
        link: &Link,
        places: &Arc<Semaphore>,
        failures: &mut Failures,
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
                // The request cannot be taken back; the wakes that it still brings go to another node.
                Pulled::Wake(wake) if stop.is_cancelled() => {
                    self.wakes.give_back(&wake, HAND_OVER_DELAY).await;
                }
                Pulled::Wake(wake) => {
                    pulled(failures);
                    self.start(wake, free.pop());
                }
                Pulled::Over => pulled(failures),
                Pulled::Trouble(why) => return Err(why),
            }
        }
    }

    fn start(self: &Arc<Self>, wake: Wake, place: Option<OwnedSemaphorePermit>) {
        let this = self.clone();
        let timer = wake.id;
        // If the task panics, its places are given back. The broker gets no ack for the wake, so it comes again after the ack wait.
        let attended = self.in_hand.track_future(async move {
            this.attend(&wake).await;
            drop(place);
        });
        self.tasks.one_of_many(metrics::Task::Wake, Some(timer), attended);
    }

    /// How long a wake that has just come waits before its turn, since its timer is due only later.
    fn early(&self, wake: &Wake) -> Duration {
        let now = self.engine.clock().moment();
        let left = wake.due_at.map_or(Duration::ZERO, |at| now.until(at));
        left.saturating_sub(LEAD).min(LONGEST_LEAD - LEAD)
    }

    /// Attends to a wake at its turn, which comes no sooner than after this time: a wake that came early must not take the place of one
    /// that is due before it.
    async fn in_turn(&self, wake: &Wake, early: Duration) -> Result<Attended, NatsError> {
        let in_line = self.engine.metrics().work.wake_in_line();
        let turn = async {
            if !early.is_zero() {
                tokio::time::sleep(early).await;
            }
            self.line.turn(wake.receiver.as_deref()).await
        };
        let _turn = tokio::select! {
            biased;
            () = self.worker.stop.cancelled() => return Ok(Attended::GiveBack(Duration::ZERO)),
            turn = turn => turn,
        };
        drop(in_line);
        let _held = self.engine.metrics().work.wake();
        // The future is made only now, so that a wake in line takes less memory.
        Box::pin(self.engine.attend(wake, &self.worker)).await
    }

    async fn attend(&self, wake: &Wake) {
        let early = self.early(wake);
        // Both run concurrently: a connection that stalls must not delay the timer.
        let keeping = async {
            // Thousands of wakes come at one instant. Their progress acks must not all reach the broker at one instant, over and over.
            tokio::time::sleep(first_keep(wake.id, early)).await;
            loop {
                self.wakes.keep(wake).await;
                tokio::time::sleep(KEEP_EVERY).await;
            }
        };
        let attended = tokio::select! {
            biased;
            attended = self.in_turn(wake, early) => attended,
            never = keeping => match never {},
        };
        self.engine.metrics().work.wakes.count(match &attended {
            Ok(Attended::Settle) => metrics::Wake::Settled,
            Ok(Attended::GiveBack(_)) => metrics::Wake::GivenBack,
            Err(_) => metrics::Wake::Trouble,
        });
        match attended {
            Ok(Attended::Settle) => self.wakes.settle(wake).await,
            Ok(Attended::GiveBack(delay)) => self.wakes.give_back(wake, delay).await,
            Err(error) => {
                let delay = match &error {
                    NatsError::Unreadable(_) | NatsError::TooLarge { .. } => {
                        tracing::error!(%error, "cannot handle a timer");
                        UNREADABLE_DELAY
                    }
                    NatsError::Unclear(_) | NatsError::NotDone(_) | NatsError::NoRoom(_) => {
                        tracing::debug!(timer = %wake.id, %error, "cannot handle a timer now");
                        linger_delay(wake.tries).max(TROUBLE_DELAY)
                    }
                };
                self.wakes.give_back(wake, delay).await;
            }
        }
    }
}
