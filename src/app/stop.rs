//! A node stops: it takes no new work, finishes calls, and gives back the wakes that it only holds.
//!
//! It does so when it is told to, and when a task that it needs has failed.

use std::time::Duration;

use anyhow::{Result, bail};

use super::broker::OwnBroker;
use super::start::Running;
use crate::foundation::shutdown::Signals;

/// How long outcomes may take to be stored after the last calls were given up.
const STORE_GRACE: Duration = Duration::from_secs(5);

/// How long the last messages to other nodes may take, since NATS may not accept them. A node that does not hear them takes
/// this node for dead a few seconds later.
const FAREWELL: Duration = Duration::from_secs(10);

impl Running {
    /// Runs until a signal comes or a task fails, then stops in order: take nothing new, finish calls, hand back.
    ///
    /// # Errors
    ///
    /// The name of the failed task, or that not every outcome was stored.
    pub(super) async fn until(mut self, signals: &mut Signals, broker: Option<OwnBroker>) -> Result<()> {
        let patience = self.drain_timeout;
        tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "stopping: finishing calls in progress, for at most {patience:?}");
                self.ends.closed.cancel();
            }
            // The node still takes connections meanwhile, so that /readyz says why.
            failure = self.tasks.failed_one() => tracing::error!(
                "stopping, since {failure}: finishing calls in progress, for at most {patience:?}"
            ),
        }
        self.ends.stop.cancel();
        let stopped = tokio::select! {
            stored = self.finish() => stored,
            signal = signals.next() => {
                tracing::warn!(signal, "stopping at once; calls in progress become unknown");
                false
            }
        };
        self.ends.gone.cancel();
        if tokio::time::timeout(FAREWELL, self.say_farewell()).await.is_err() {
            tracing::warn!("could not tell other nodes within {FAREWELL:?} that this node is stopping");
        }
        if let Some(broker) = broker {
            broker.stop().await;
        }
        match self.tasks.failure() {
            Some(failure) if stopped => bail!("stopped, since {failure}"),
            Some(failure) => bail!("stopped, since {failure}; not every outcome was stored"),
            None if !stopped => bail!("stopped before every outcome was stored"),
            None => {}
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// Waits for the calls in progress, gives them up at the deadline, and then waits until their outcomes are
    /// stored. Returns whether they were.
    async fn finish(&mut self) -> bool {
        let mut stored = true;
        if tokio::time::timeout(self.drain_timeout, self.worker.wait()).await.is_err() {
            tracing::warn!("giving up the calls that are still in progress");
            self.ends.abort.cancel();
            if tokio::time::timeout(STORE_GRACE, self.worker.wait()).await.is_err() {
                tracing::error!(
                    "not every outcome could be stored; the timers concerned are found when their leases end"
                );
                stored = false;
            }
        }
        self.ends.closed.cancel();
        self.api.ended().await;
        stored
    }

    /// Leaves this node's share of the limits and its lease of the sweep to others.
    async fn say_farewell(&mut self) {
        self.heartbeat.ended().await;
        self.sweeper.ended().await;
        self.link.flush().await;
    }
}
