//! A node stops: takes nothing new, finishes calls, hands back what it only holds.

use std::time::Duration;

use anyhow::{Result, bail};

use super::broker::OwnBroker;
use super::start::Running;
use crate::shutdown::Signals;

/// How long outcomes may take to be stored after the last call has been given up.
const STORE_GRACE: Duration = Duration::from_secs(5);

impl Running {
    /// Runs until a signal comes, then stops in order: take nothing new, finish calls, hand back.
    pub(super) async fn until(mut self, signals: &mut Signals, broker: Option<OwnBroker>) -> Result<()> {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            ended = &mut self.api => bail!("the HTTP server has ended by itself: {ended:?}"),
            ended = &mut self.worker => bail!("the worker has ended by itself: {ended:?}"),
        };
        tracing::info!(signal, "stopping: finishing calls in progress, for at most {:?}", self.drain_timeout);
        self.stop.cancel();
        let stopped = tokio::select! {
            stored = self.finish() => stored,
            signal = signals.next() => {
                tracing::warn!(signal, "stopping at once; calls in progress become unknown");
                false
            }
        };
        self.gone.cancel();
        if let Err(error) = self.heartbeat.await {
            tracing::warn!(%error, "other nodes were not told that this one has left");
        }
        if let Err(error) = self.sweeper.await {
            tracing::warn!(%error, "the sweep did not stop in order");
        }
        self.link.flush().await;
        if let Some(broker) = broker {
            broker.stop().await;
        }
        if !stopped {
            bail!("stopped before every outcome was stored");
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// Waits for the calls in progress; gives them up at the deadline, and then waits until what came
    /// of them is stored. Says whether it was.
    async fn finish(&mut self) -> bool {
        let mut stored = true;
        if tokio::time::timeout(self.drain_timeout, &mut self.worker).await.is_err() {
            tracing::warn!("giving up the calls that are still in progress");
            self.abort.cancel();
            if tokio::time::timeout(STORE_GRACE, &mut self.worker).await.is_err() {
                tracing::error!(
                    "not every outcome could be stored; those timers are found when their leases end"
                );
                stored = false;
            }
        }
        if let Err(error) = (&mut self.api).await {
            tracing::warn!(%error, "the HTTP server did not stop in order");
        }
        stored
    }
}
