//! What a worker does about a wake: look, hold until the instant, claim, call, store the outcome.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::domain::attempt::CallResult;
use crate::domain::called::Called;
use crate::domain::machine::{self, Effect, Input, Refusal, may_still_call, step};
use crate::domain::timer::{ClaimId, Timer};
use crate::engine::call::{CallPlace, Wanted};
use crate::engine::commit::{Committed, Lost};
use crate::engine::elsewhere::NotHere;
use crate::engine::known::Known;
use crate::engine::{Engine, Patience, Worker, measure, report};
use crate::metrics::LostClaim;
use crate::nats::{NatsError, Stored, Wake};

/// What is to become of a wake that was attended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attended {
    /// It has done its duty.
    Settle,
    /// It must come again after this time, here or elsewhere.
    GiveBack(Duration),
    /// The rules refused what the worker told them. They refuse clients only, so this is a fault of jettimer; the timer
    /// is as it was, and its wake must come again.
    Refused(Refusal),
}

/// How long a claim is tried to be stored. After that it is stepped anew: its lease has begun.
const CLAIM_PATIENCE: Duration = Duration::from_secs(5);

/// After this time a wake comes again that a node gives back because its clock is off: that node asks for no more, but those that it has
/// asked for still come.
const CLOCK_OFF_DELAY: Duration = Duration::from_secs(1);

/// A claim that NATS did not say it had stored, and that may be stored yet.
struct Unclear {
    claimed: Box<Timer>,
    /// The revision that it was to take the place of.
    over: u64,
}

impl Engine {
    /// Attends to a wake until it can be settled or given back.
    ///
    /// Thousands wait in here. What they do besides, for a moment, is in boxes, so that waiting takes less memory.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if the timer could not be looked at or not be stored; the wake must come again.
    pub async fn attend(&self, wake: &Wake, worker: &Worker) -> Result<Attended, NatsError> {
        if self.guard.is_clock_off() {
            return Ok(Attended::GiveBack(CLOCK_OFF_DELAY));
        }
        self.guard.compare().await?;
        let mut known = Box::pin(Known::look(self, &worker.memory, wake.id)).await?;
        // One name for all tries, so that a claim whose answer was lost is recognised as ours.
        let claim = Uuid::new_v4();
        let mut place: Option<CallPlace> = None;
        let mut news = None;
        let mut unclear: Option<Unclear> = None;
        let mut _postponing = None;
        'step: loop {
            let reports = matches!(news, Some(Input::Outcome { .. } | Input::NotMade { .. }));
            if self.guard.is_clock_off() && !reports {
                if let Some(unclear) = unclear.take() {
                    Box::pin(self.store_for_certain(unclear, &mut known)).await?;
                }
                if !known.is_claimed_as(claim) {
                    return Ok(Attended::GiveBack(CLOCK_OFF_DELAY));
                }
                news = Some(Input::NotMade { claim });
            }
            let effects = match &known.stored {
                None => machine::unneeded(wake.tries, self.clock.moment()),
                Some(stored) => {
                    // The claimant knows what came of its call, whatever else is known.
                    let reports = matches!(news, Some(Input::Outcome { .. }));
                    let input = if !reports && self.guard.is_restored(stored) {
                        Input::Restored
                    } else {
                        news.clone().unwrap_or_else(|| self.wake_input(wake, claim))
                    };
                    match step(&stored.timer, input, self.clock.moment()) {
                        Ok(effects) => effects,
                        Err(refusal) => return Ok(Attended::Refused(refusal)),
                    }
                }
            };
            let calls = effects.iter().any(|effect| matches!(effect, Effect::Call { .. }));
            if let (true, Some(taken), Some(stored)) = (calls, &place, &known.stored)
                && !taken.is_enough_for(&stored.timer)
            {
                // The timer has grown since: somebody has changed it.
                place = None;
            }
            // The claim starts a lease, so a place for the call comes before it.
            if let (true, None, Some(stored)) = (calls, &place, &known.stored) {
                let wanted = Wanted::of(&stored.timer, self.clock.now());
                // They have the timer, and with it its body.
                drop(effects);
                let kept = known.waits(&worker.memory, &self.metrics.work.records_dropped);
                // A wake whose claim may be stored is no other node's.
                let tries = unclear.is_none().then_some(wake.tries);
                tokio::select! {
                    biased;
                    () = worker.stop.cancelled() => return Ok(Attended::GiveBack(Duration::ZERO)),
                    admitted = self.admitted_here(worker, &wanted, tries) => match admitted {
                        Err(NotHere::ForAnother(delay)) => return Ok(Attended::GiveBack(delay)),
                        Ok(admitted) => place = Some(admitted.noted(worker.journal.claims(wake.id, claim))),
                        Err(NotHere::NotNow(until, turn)) if until > self.clock.now() => {
                            _postponing = Some(turn);
                            news = Some(Input::Postponed { until });
                        }
                        // It can be tried again by now.
                        Err(NotHere::NotNow(..)) => {}
                    },
                }
                if kept.is_none() {
                    known = Box::pin(Known::look(self, &worker.memory, wake.id)).await?;
                }
                continue 'step;
            }
            if place.is_some() {
                known.looking = None;
            }
            // A copy that is a moment old is good enough for a swap, which would fail, and for nothing else.
            if !known.fresh && matches!(effects.as_slice(), [.., Effect::Settle]) {
                Box::pin(known.read_again(self, wake.id)).await?;
                continue 'step;
            }
            let mut armed = None;
            for effect in effects {
                match effect {
                    Effect::Arm { at } => {
                        let Some(stored) = &known.stored else { continue 'step };
                        let url = &stored.timer.target.url;
                        armed = Some(Box::pin(self.arm(wake.id, url, at, Patience::Endless)).await?);
                    }
                    Effect::Store(timer) => {
                        let patience = if calls {
                            Patience::Until(Instant::now() + CLAIM_PATIENCE)
                        } else {
                            Patience::Endless
                        };
                        let committed =
                            Box::pin(self.commit(&timer, known.stored.as_ref(), armed, patience)).await;
                        if calls {
                            place.iter_mut().for_each(CallPlace::claimed);
                            unclear = None;
                        }
                        match committed {
                            Ok(Committed::Done(revision)) => {
                                let before = known.stored.as_ref().map(|stored| &stored.timer.state);
                                let reported =
                                    matches!(news, Some(Input::Outcome { .. } | Input::NotMade { .. }));
                                if matches!(news, Some(Input::NotMade { .. })) {
                                    let stopped = worker.abort.is_cancelled();
                                    let why =
                                        if stopped { "the node was stopped" } else { "its clock is off" };
                                    report::given_back(&timer, why);
                                } else {
                                    let called = matches!(news, Some(Input::Outcome { .. }));
                                    measure::stored(&self.metrics.work, before, &timer.state, called);
                                    report::stored(&timer);
                                }
                                self.metrics.sweep.stored(&timer.state);
                                if let Some(place) = place.take_if(|_| reported) {
                                    place.stored();
                                }
                                let stored = Some(Stored { timer: *timer, revision });
                                (known.stored, known.fresh) = (stored, true);
                            }
                            Ok(Committed::Lost(Lost { now: current, .. })) => {
                                let called = matches!(news, Some(Input::Outcome { .. }));
                                let when = if called { LostClaim::AfterCall } else { LostClaim::BeforeCall };
                                self.metrics.work.claims_lost.count(when);
                                let stored = current.map(|current| *current);
                                (known.stored, known.fresh) = (stored, true);
                                continue 'step;
                            }
                            Err(NatsError::Unclear(_) | NatsError::NotDone(_) | NatsError::NoRoom(_))
                                if calls =>
                            {
                                let over = known.stored.as_ref().map(|stored| stored.revision);
                                unclear = over.map(|over| Unclear { claimed: timer, over });
                                Box::pin(known.read_again(self, wake.id)).await?;
                                continue 'step;
                            }
                            Err(error) => return Err(error),
                        }
                    }
                    Effect::Call { claim, attempt } => {
                        let Some(stored) = &known.stored else { continue 'step };
                        let called = if may_still_call(&claim, stored.timer.timeout, self.clock.moment()) {
                            Box::pin(self.call(worker, &stored.timer, &claim, attempt, &mut place)).await
                        } else {
                            Called::not_made("the claim was stored too late to call")
                        };
                        // It is another node's to make, at once: the failure of no attempt.
                        let given_up = worker.abort.is_cancelled();
                        news = Some(match called.result {
                            CallResult::NotSent { .. } if given_up => Input::NotMade { claim: claim.id },
                            CallResult::NotSent { .. }
                            | CallResult::Answered { .. }
                            | CallResult::Forbidden { .. }
                            | CallResult::NoAnswer { .. }
                            | CallResult::Interrupted => {
                                Input::Outcome { claim: claim.id, called: Box::new(called) }
                            }
                        });
                        continue 'step;
                    }
                    Effect::Notify(timer) => Box::pin(self.notify(&timer)).await?,
                    Effect::Disarm => self.disarm(wake.id, armed).await,
                    Effect::Hold { until } => {
                        place = None;
                        let held = worker.holds.hold(wake.id, wake.tries);
                        let kept = known.waits(&worker.memory, &self.metrics.work.records_dropped);
                        tokio::select! {
                            biased;
                            () = worker.stop.cancelled() => return Ok(Attended::GiveBack(Duration::ZERO)),
                            () = held.is_needless() => return Ok(Attended::Settle),
                            () = worker.alarm.until(until) => {}
                        }
                        if kept.is_none() {
                            known = Box::pin(Known::look(self, &worker.memory, wake.id)).await?;
                        }
                        continue 'step;
                    }
                    Effect::Later { until } => {
                        let now = self.clock.moment();
                        return Ok(Attended::GiveBack(now.pace.in_the_world(until.since(now.at))));
                    }
                    Effect::Settle => return Ok(Attended::Settle),
                }
            }
            return Ok(Attended::Settle);
        }
    }

    /// Finds out about a claim of which it is not known whether it is stored: it is now, or cannot be any more.
    async fn store_for_certain(&self, unclear: Unclear, known: &mut Known) -> Result<(), NatsError> {
        let Unclear { claimed, over } = unclear;
        known.read_again(self, claimed.id).await?;
        let Some(stored) = known.stored.as_ref().filter(|stored| stored.revision == over) else {
            return Ok(());
        };
        known.stored = match self.commit(&claimed, Some(stored), None, Patience::Endless).await? {
            Committed::Done(revision) => Some(Stored { timer: *claimed, revision }),
            Committed::Lost(Lost { now, .. }) => now.map(|now| *now),
        };
        Ok(())
    }

    fn wake_input(&self, wake: &Wake, claim: ClaimId) -> Input {
        Input::Wake { claim, node: self.node.to_string(), tries: wake.tries }
    }
}
