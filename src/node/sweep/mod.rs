//! Finds timers that have lost their wake, and other damage that an accident has left, and repairs it.
//!
//! The record is the truth, and the stream of wakes can be rebuilt from it. One node sweeps at a time: it holds a lease, in a
//! bucket of its own, since a message on the stream of wakes would be lost together with the wakes that it should restore. A claim
//! by heartbeats could be kept by any process that says it is a node. The lease also keeps the last sweep's observations, so damage
//! that is done while no node runs is found. The lease saves work and is not a lock: every repair adds a wake, removes a wake that
//! was settled or has no timer, or ends a record that was brought back, so two sweeps at once do no harm.
//!
//! `domain::sweep` decides what counts as damage; `pass` turns a suspicion into a finding.

mod accounts;
pub mod findings;
mod hold;
pub mod late;
mod look;
mod orphans;
mod pace;
mod pass;
mod room;
mod state;
mod suspect;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::foundation::clock::Clock;
use crate::foundation::metrics::Metrics;
use crate::nats::{Lease, Ledger, Link, NatsError, Shape, Store};
use crate::node::guard::Guard;
use accounts::Accounts;
use findings::Findings;
use state::SweeperState;

pub use pass::{Broom, Order};

/// How often the sweeper checks that everything exists, and every other node whether there is a sweeper.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often a node reads the ledger, to show it in its metrics.
const SHOW_EVERY: Duration = Duration::from_secs(3);

/// When and how a node sweeps.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The time from the end of one sweep to the beginning of the next.
    pub interval: Duration,
    /// How late a timer may be before a sweep treats it as lost.
    pub grace: Duration,
    /// Whether the node keeps the ledger.
    pub ledger: bool,
}

/// The parts that a sweeper works with.
pub struct Means {
    pub link: Link,
    pub store: Store,
    /// Knows which records were brought back.
    pub guard: Guard,
    pub clock: Clock,
    /// The configuration that the streams should have.
    pub shape: Shape,
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

impl Sweeper {
    /// A sweeper for the node with this name.
    pub fn new(means: Means, instance: Uuid, node: &str, settings: Settings) -> Self {
        let Means { link, store, guard, clock, shape, metrics } = means;
        let broom = Broom::new(link.clone(), store, guard.clone(), clock, settings.grace);
        Self { link, clock, shape, instance, node: node.to_owned(), settings, broom, guard, metrics }
    }

    /// Sweeps until `stop`, then releases the lease. `lost` says that wakes were lost before this node started.
    pub async fn run(self, lost: bool, stop: CancellationToken) {
        let mut known = SweeperState::new(lost);
        stop.run_until_cancelled(self.keep(&mut known)).await;
        if let Some((lease, revision)) = known.held {
            let over = Lease { until: self.clock.world(), ..lease };
            // If that fails, the next node waits until the lease has ended.
            let _ = over.put(&self.link, revision).await;
        }
    }

    async fn keep(&self, known: &mut SweeperState) {
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
                        // This node's lease ends, and another node takes it.
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
                    if known.topology.is_none() {
                        continue;
                    }
                    self.look_at_room(known).await;
                    let is_due = known.is_due(self.settings.interval);
                    if (known.loss && !had_loss) || (sweeping.is_none() && is_due) {
                        let born = known.topology.as_ref().map(|topology| topology.bucket_born);
                        sweeping = Some(self.sweep(known.loss, known.begin_to_find_orphans(), born));
                    }
                }
                result = done => {
                    sweeping = None;
                    self.finish(known, result);
                }
            }
        }
    }

    fn sweep(&self, after_loss: bool, find_orphans: bool, bucket_born: Option<i128>) -> Sweeping<'_> {
        Box::pin(async move {
            let findings = Findings::counted(self.metrics.clone());
            let counts = self.settings.ledger && !after_loss;
            let mut accounts = match bucket_born.filter(|_| counts) {
                Some(born) => self.said(Accounts::open(&self.link, born).await),
                None => None,
            };
            let order =
                Order { after_loss, find_orphans, repair: true, end_restored: true, count_late: false };
            let swept = self.broom.sweep_records(order, &findings, accounts.as_mut()).await;
            findings.log();
            let swept = swept?;
            if let Some(mark) = swept.mark
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
            if find_orphans {
                let findings = Findings::counted(self.metrics.clone());
                // Such wakes only take room, and leave by themselves.
                if let Err(error) = self.broom.find_orphans(order, swept.ids, &findings).await {
                    tracing::debug!(%error, "cannot look for wakes without a record");
                }
                findings.log();
            }
            Ok(())
        })
    }

    /// The result of a step on the ledger, if there was no error; after an error the next sweep keeps the ledger.
    fn said<T>(&self, result: Result<T, NatsError>) -> Option<T> {
        result.inspect_err(|error| tracing::debug!(%error, "this sweep cannot update the ledger")).ok()
    }

    /// Shows the stored ledger, whichever node keeps it.
    async fn show_ledger(&self, known: &mut SweeperState) {
        if !self.settings.ledger || known.shown.is_some_and(|shown| shown.elapsed() < SHOW_EVERY) {
            return;
        }
        known.shown = Some(Instant::now());
        if let Some((Some(ledger), _)) = self.said(Ledger::read(&self.link).await)
            && let Some(balance) = &ledger.balance
        {
            self.metrics.ledger.show(balance, ledger.breaks);
        }
    }

    fn finish(&self, known: &mut SweeperState, result: Result<(), NatsError>) {
        known.done = Some(Instant::now());
        match result {
            Ok(()) => {
                if known.failures.end() {
                    tracing::info!("sweeps find and repair lost timers again");
                }
                known.loss = false;
                let now = self.clock.world();
                self.metrics.sweep.done(now.as_micros());
                if let (Some((lease, _)), Some(topology)) = (&mut known.held, &known.topology) {
                    lease.swept_at = Some(now);
                    lease.wakes_born = Some(topology.wakes_born);
                    // The next look then writes the lease.
                    lease.until = now;
                }
            }
            Err(error) => {
                self.metrics.sweep.failed();
                if known.failures.add() {
                    tracing::warn!(
                        %error,
                        "sweeps fail, so timers that have lost their wakes are not found; each sweep is repeated"
                    );
                } else {
                    tracing::debug!(%error, "a sweep was interrupted; it is repeated");
                }
            }
        }
    }
}
