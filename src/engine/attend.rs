//! What a worker does about a wake: look, hold until the instant, claim, call, store the outcome.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::domain::attempt::CallResult;
use crate::domain::machine::{self, Effect, Input, step};
use crate::domain::timer::{Claim, Timer, TimerId};
use crate::engine::commit::Committed;
use crate::engine::{Engine, Patience, Worker, report};
use crate::nats::{NatsError, Stored, Wake};

/// What is to become of a wake that was attended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attended {
    /// It has done its duty.
    Settle,
    /// It must come again after this time, here or elsewhere.
    GiveBack(Duration),
}

impl Engine {
    /// Attends to a wake until it can be settled or given back.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if the timer could not be looked at; the wake must come again.
    pub async fn attend(&self, wake: &Wake, worker: &Worker) -> Result<Attended, NatsError> {
        let mut known = self.look(wake.id).await?;
        let mut call_place: Option<OwnedSemaphorePermit> = None;
        let mut outcome = None;
        'step: loop {
            let now = self.clock.now();
            let (effects, revision) = match &known {
                None => (machine::unneeded(wake.tries, now), 0),
                Some(stored) => {
                    let input = outcome.clone().unwrap_or_else(|| self.wake_input(wake));
                    match step(&stored.timer, input, now) {
                        Ok(effects) => (effects, stored.revision),
                        Err(_) => (vec![Effect::Settle], stored.revision),
                    }
                }
            };
            // The claim starts a lease, so a place for the call comes before it.
            if call_place.is_none() && effects.iter().any(|effect| matches!(effect, Effect::Call { .. })) {
                tokio::select! {
                    biased;
                    () = worker.stop.cancelled() => return Ok(Attended::GiveBack(Duration::ZERO)),
                    place = worker.calls.clone().acquire_owned() => call_place = place.ok(),
                }
                continue 'step;
            }
            let mut revision = revision;
            let mut armed = None;
            for effect in effects {
                match effect {
                    Effect::Arm { at } => armed = Some(self.arm(wake.id, at, Patience::Endless).await?),
                    Effect::Store(timer) => {
                        match self.commit(&timer, revision, armed, Patience::Endless).await? {
                            Committed::Done(stored_at) => {
                                report::stored(&timer);
                                revision = stored_at;
                                known = Some(Stored { timer: *timer, revision });
                            }
                            Committed::Lost(current) => {
                                known = current.map(|current| *current);
                                continue 'step;
                            }
                        }
                    }
                    Effect::Call { claim, attempt } => {
                        let Some(stored) = &known else { continue 'step };
                        let result = call(worker, &stored.timer, attempt).await;
                        let Claim { id: claim, .. } = claim;
                        outcome = Some(Input::Outcome { claim, result });
                        continue 'step;
                    }
                    Effect::Disarm => self.disarm(wake.id).await,
                    Effect::Hold { until } => {
                        tokio::select! {
                            biased;
                            () = worker.stop.cancelled() => return Ok(Attended::GiveBack(Duration::ZERO)),
                            () = self.clock.wait_until(until) => {}
                        }
                        continue 'step;
                    }
                    Effect::Later { until } => {
                        return Ok(Attended::GiveBack(until.since(self.clock.now())));
                    }
                    Effect::Settle => return Ok(Attended::Settle),
                }
            }
            return Ok(Attended::Settle);
        }
    }

    fn wake_input(&self, wake: &Wake) -> Input {
        Input::Wake { claim: Uuid::new_v4(), node: self.node.to_string(), tries: wake.tries }
    }

    /// Reads a record where it is cheap; only that there is none has to be heard from the leader.
    async fn look(&self, id: TimerId) -> Result<Option<Stored>, NatsError> {
        match self.store.peek(id).await? {
            Some(stored) => Ok(Some(stored)),
            None => self.store.read(id).await,
        }
    }
}

async fn call(worker: &Worker, timer: &Timer, attempt: u32) -> CallResult {
    tokio::select! {
        biased;
        () = worker.abort.cancelled() => CallResult::Interrupted,
        result = worker.caller.call(timer, attempt) => result,
    }
}
