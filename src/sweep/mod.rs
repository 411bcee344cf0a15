//! Finds timers that nobody will wake, and whatever else an accident has left, and puts it back to work.
//!
//! The record is the truth, and the stream of wakes can be rebuilt from it. One node sweeps at a time: it holds a lease, in
//! a bucket of its own, since a message on the stream of wakes would be lost with what it is to mend. The lease saves
//! work and is no lock: every repair adds a wake or removes one that is nobody's, so two sweeps at once do no harm.
//!
//! What is wrong is decided by `domain::sweep`; how a look becomes a finding is in `pass`.

mod accounts;
pub mod findings;
mod hold;
pub mod late;
mod look;
mod pass;
mod room;
mod suspect;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::Clock;
use crate::guard::Guard;
use crate::metrics::Metrics;
use crate::nats::{Lease, Link, NatsError, Shape, Standing, Store};
use accounts::Accounts;
use findings::Findings;

pub use pass::{Broom, Order};

/// How often the sweeper looks whether everything stands, and whoever else whether there is a sweeper.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often a node reads the ledger, to show it.
const SHOW_EVERY: Duration = Duration::from_secs(3);

/// How a node sweeps.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From the end of one sweep to the beginning of the next.
    pub interval: Duration,
    /// How late a timer may be until a sweep takes it for lost.
    pub grace: Duration,
    /// Whether the ledger is kept.
    pub ledger: bool,
}

/// What a sweeper works with.
pub struct Means {
    /// The connection.
    pub link: Link,
    /// The bucket of records.
    pub store: Store,
    /// Knows which records were brought back.
    pub guard: Guard,
    /// The node's clock.
    pub clock: Clock,
    /// What the streams are to be like.
    pub shape: Shape,
    /// Where findings are counted.
    pub metrics: Arc<Metrics>,
}

/// The sweeper of one node: it sweeps while it holds the lease.
pub struct Sweeper {
    link: Link,
    clock: Clock,
    shape: Shape,
    instance: Uuid,
    node: String,
    settings: Settings,
    broom: Broom,
    guard: Guard,
    metrics: Arc<Metrics>,
}

type Sweeping<'a> = Pin<Box<dyn Future<Output = Result<(), NatsError>> + Send + 'a>>;

/// What a sweeper knows while it runs.
#[derive(Default)]
struct Known {
    /// The lease that is held, with its revision.
    held: Option<(Lease, u64)>,
    /// What stands, as it was looked at last.
    standing: Option<Standing>,
    /// Wakes were lost since the last sweep that was done.
    loss: bool,
    /// How often in a row the bucket seemed older than it was.
    back: u32,
    /// Said once, until it is over.
    trouble: Option<String>,
    done: Option<Instant>,
    /// When the ledger was shown last.
    shown: Option<Instant>,
    /// What is known of the room in JetStream.
    room: room::Known,
}

impl Sweeper {
    /// A sweeper for the node of this name.
    pub fn new(means: Means, instance: Uuid, node: &str, settings: Settings) -> Self {
        let Means { link, store, guard, clock, shape, metrics } = means;
        let broom = Broom::new(link.clone(), store, guard.clone(), clock, settings.grace);
        Self { link, clock, shape, instance, node: node.to_owned(), settings, broom, guard, metrics }
    }

    /// Sweeps until `stop`, then lets the lease go. `lost` says that the wakes were lost before this node has started.
    pub async fn run(self, lost: bool, stop: CancellationToken) {
        let mut known = Known { loss: lost, ..Known::default() };
        stop.run_until_cancelled(self.keep(&mut known)).await;
        if let Some((lease, revision)) = known.held {
            let over = Lease { until: self.clock.world(), ..lease };
            // Not written: the next one waits until the lease is over.
            let _ = self.link.put_lease(&over, revision).await;
        }
    }

    async fn keep(&self, known: &mut Known) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sweeping: Option<Sweeping<'_>> = None;
        self.guard.clock_compared().await;
        loop {
            let done = async {
                match sweeping.as_mut() {
                    Some(sweeping) => sweeping.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = tick.tick() => {
                    let had_loss = known.loss;
                    self.show_ledger(known).await;
                    if self.guard.is_clock_off() {
                        // The lease ends, and another node takes it.
                        known.held = None;
                    } else {
                        self.hold(known).await;
                    }
                    self.metrics.sweep.is_sweeper(known.held.is_some());
                    if known.held.is_none() {
                        sweeping = None;
                        continue;
                    }
                    self.look(known).await;
                    if known.standing.is_none() {
                        continue;
                    }
                    self.look_at_room(known).await;
                    let is_due = known.done.is_none_or(|done| done.elapsed() >= self.settings.interval);
                    if (known.loss && !had_loss) || (sweeping.is_none() && (is_due || known.loss)) {
                        let born = known.standing.as_ref().map(|standing| standing.bucket_born);
                        sweeping = Some(self.sweep(known.loss, born));
                    }
                }
                result = done => {
                    sweeping = None;
                    self.finish(known, result);
                }
            }
        }
    }

    fn sweep(&self, after_loss: bool, bucket_born: Option<i128>) -> Sweeping<'_> {
        Box::pin(async move {
            let findings = Findings::counted(self.metrics.clone());
            let counts = self.settings.ledger && !after_loss;
            let mut accounts = match bucket_born.filter(|_| counts) {
                Some(born) => self.said(Accounts::open(&self.link, born).await),
                None => None,
            };
            let order = Order { after_loss, repair: true, end_restored: true, count_late: false };
            let result = self.broom.sweep_and_count(order, &findings, accounts.as_mut()).await;
            findings.log();
            if let Some(mark) = result?
                && let Err(error) = self.guard.keep(mark).await
            {
                tracing::warn!(
                    %error,
                    "the high-water mark cannot be stored, so records that NATS brings back may be called again: may this \
                     node's NATS user publish to $KV.timers_sweep.mark (nats/permissions.conf)?"
                );
            }
            if let Some(accounts) = accounts {
                self.said(accounts.close().await);
            }
            Ok(())
        })
    }

    /// What came of a part of the ledger; without an answer it is kept by the next sweep.
    fn said<T>(&self, result: Result<T, NatsError>) -> Option<T> {
        result.inspect_err(|error| tracing::debug!(%error, "the ledger is not kept by this sweep")).ok()
    }

    /// Shows the ledger as it is kept, whoever keeps it.
    async fn show_ledger(&self, known: &mut Known) {
        if !self.settings.ledger || known.shown.is_some_and(|shown| shown.elapsed() < SHOW_EVERY) {
            return;
        }
        known.shown = Some(Instant::now());
        if let Some((Some(ledger), _)) = self.said(self.link.ledger().await)
            && let Some(balance) = &ledger.balance
        {
            self.metrics.ledger.show(balance, ledger.breaks);
        }
    }

    fn finish(&self, known: &mut Known, result: Result<(), NatsError>) {
        known.done = Some(Instant::now());
        match result {
            Ok(()) => {
                known.loss = false;
                let now = self.clock.world();
                self.metrics.sweep.done(now.as_micros());
                if let (Some((lease, _)), Some(standing)) = (&mut known.held, &known.standing) {
                    lease.swept_at = Some(now);
                    lease.wakes_born = Some(standing.wakes_born);
                    // So that it is written at the next look.
                    lease.until = now;
                }
            }
            Err(error) => {
                self.metrics.sweep.failed();
                tracing::debug!(%error, "a sweep was cut off, and is done again");
            }
        }
    }
}
