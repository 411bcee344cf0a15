//! Finds timers that nobody will wake, and whatever else an accident has left, and puts it back to work.
//!
//! The record is the truth, and the stream of wakes can be rebuilt from it. One node sweeps at a time: it holds a lease, in
//! a bucket of its own, since a message on the stream of wakes would be lost with what it is to mend. The lease saves
//! work and is no lock: every repair adds a wake or removes one that is nobody's, so two sweeps at once do no harm.
//!
//! What is wrong is decided by `domain::sweep`; how a look becomes a finding is in `pass`.

pub mod findings;
mod pass;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::nats::{self, Lease, Link, NatsError, Shape, Standing, Trouble};
use findings::{Findings, Kind};

pub use pass::{Broom, Order};

/// How often the sweeper looks whether everything stands, and whoever else whether there is a sweeper.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a lease lasts after it was written: longer than a change of leader in NATS usually takes.
const LEASE: Duration = Duration::from_secs(10);

/// A lease that lasts no longer than this is written again.
const RENEW_BELOW: Duration = Duration::from_secs(8);

/// A bucket that seems older than it was is looked at so often before that is believed: a new leader may be a moment
/// behind.
const BACK_LOOKS: u32 = 5;

/// How a node sweeps.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From the end of one sweep to the beginning of the next.
    pub interval: Duration,
    /// How late a timer may be until a sweep takes it for lost.
    pub grace: Duration,
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
}

impl Sweeper {
    /// A sweeper for the node of this name.
    pub fn new(
        link: Link,
        clock: Clock,
        shape: Shape,
        instance: Uuid,
        node: &str,
        settings: Settings,
        metrics: Arc<Metrics>,
    ) -> Self {
        let broom = Broom::new(link.clone(), clock, settings.grace);
        Self { link, clock, shape, instance, node: node.to_owned(), settings, broom, metrics }
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
                    self.hold(known).await;
                    self.metrics.sweep.is_sweeper(known.held.is_some());
                    if known.held.is_none() {
                        sweeping = None;
                        continue;
                    }
                    self.look(known).await;
                    if known.standing.is_none() {
                        continue;
                    }
                    let is_due = known.done.is_none_or(|done| done.elapsed() >= self.settings.interval);
                    if (known.loss && !had_loss) || (sweeping.is_none() && (is_due || known.loss)) {
                        sweeping = Some(self.sweep(known.loss));
                    }
                }
                result = done => {
                    sweeping = None;
                    self.finish(known, result);
                }
            }
        }
    }

    fn sweep(&self, after_loss: bool) -> Sweeping<'_> {
        Box::pin(async move {
            let findings = Findings::counted(self.metrics.clone());
            let result = self.broom.sweep(Order { after_loss, repair: true }, &findings).await;
            findings.log();
            result
        })
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

    /// Takes the lease if nobody has it, and keeps it.
    async fn hold(&self, known: &mut Known) {
        let now = self.clock.world();
        let (lease, revision) = match known.held.take() {
            Some((lease, revision)) if lease.until.since(now) > RENEW_BELOW => {
                known.held = Some((lease, revision));
                return;
            }
            Some(held) => held,
            None => match self.link.lease().await {
                Ok((Some(lease), _)) if lease.instance != self.instance && lease.until > now => return,
                Ok((Some(lease), revision)) => (lease, revision),
                Ok((None, revision)) => (self.first_lease(), revision),
                // Without its bucket nobody holds a lease. Who looks creates it; two at once do no harm.
                Err(error) => {
                    tracing::debug!(%error, "nobody can tell who sweeps");
                    self.look(known).await;
                    return;
                }
            },
        };
        let lease = Lease {
            instance: self.instance,
            node: self.node.clone(),
            until: now.saturating_add(LEASE),
            ..lease
        };
        match self.link.put_lease(&lease, revision).await {
            Ok(Some(revision)) => known.held = Some((lease, revision)),
            Ok(None) => tracing::debug!("another node sweeps"),
            Err(error) => tracing::debug!(%error, "the lease of the sweep cannot be written"),
        }
    }

    fn first_lease(&self) -> Lease {
        Lease {
            instance: self.instance,
            node: self.node.clone(),
            until: self.clock.world(),
            swept_at: None,
            wakes_born: None,
            bucket_born: None,
            bucket_seq: 0,
        }
    }

    /// Looks whether everything stands, and creates what does not.
    async fn look(&self, known: &mut Known) {
        match Box::pin(nats::mend(&self.link, self.shape)).await {
            Ok(standing) => {
                if known.trouble.take().is_some() {
                    tracing::info!("everything that timers need stands on NATS again");
                }
                let findings = Findings::counted(self.metrics.clone());
                for missing in &standing.created {
                    findings.note(Kind::missing(*missing), None);
                }
                known.loss |= standing.has_lost_wakes();
                self.compare(known, &standing, &findings);
                findings.log();
                known.standing = Some(standing);
            }
            Err(error) => {
                known.standing = None;
                if matches!(error, Trouble::NotNow(_)) {
                    tracing::debug!(%error, "it cannot be told whether everything stands on NATS");
                    return;
                }
                let text = error.to_string();
                if known.trouble.as_ref() != Some(&text) {
                    tracing::error!(error = text, "timers do not work");
                    if matches!(error, Trouble::NoBucket(_)) {
                        self.metrics.sweep.findings.count(crate::metrics::SweepFinding::BucketMissing);
                    }
                    known.trouble = Some(text);
                }
            }
        }
    }

    /// Compares what stands with what was seen before, by whichever node.
    fn compare(&self, known: &mut Known, standing: &Standing, findings: &Findings) {
        let Some((lease, _)) = &mut known.held else { return };
        if lease.wakes_born.is_some_and(|born| born != standing.wakes_born) && !known.loss {
            if !standing.created.contains(&nats::Missing::Wakes) {
                findings.note(Kind::WakesMissing, None);
            }
            known.loss = true;
        }
        let other = lease.bucket_born.is_some_and(|born| born != standing.bucket_born);
        let back = standing.bucket_seq < lease.bucket_seq;
        known.back = if other || back { known.back.saturating_add(1) } else { 0 };
        if known.back == BACK_LOOKS {
            findings.note(Kind::BucketTurnedBack, None);
            tracing::error!(
                was = lease.bucket_seq,
                is = standing.bucket_seq,
                "the bucket is not the one that it was, or older: was it restored from a backup, or deleted and created \
                 anew? What came after the backup is lost, and what was called after it may be called again"
            );
        }
        if known.back == 0 || known.back >= BACK_LOOKS {
            known.back = 0;
            lease.bucket_born = Some(standing.bucket_born);
            lease.bucket_seq = standing.bucket_seq;
        }
    }
}
