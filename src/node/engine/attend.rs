//! A worker attends to a wake: it looks at the record, holds the wake until the instant, claims, calls and stores the outcome.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::foundation::metrics::LostClaim;
use crate::nats::{NatsError, Stored, Wake};
use crate::node::engine::call::{CallPlace, Wanted};
use crate::node::engine::commit::{ArmedBy, Committed, Lost};
use crate::node::engine::elsewhere::NotHere;
use crate::node::engine::known::Known;
use crate::node::engine::{Engine, Patience, Worker, measure, report};
use rules::domain::attempt::CallResult;
use rules::domain::called::Called;
use rules::domain::machine::{self, Effect, Input, Refusal, may_still_call, step};
use rules::domain::timer::{ClaimId, Timer};

/// The decision about a wake that was attended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attended {
    /// The wake has done its duty.
    Settle,
    /// The wake must come again after this time, to this node or another.
    GiveBack(Duration),
    /// The rules refused the worker's input. They refuse only clients, so this is a fault of jettimer. The timer
    /// is as it was, and its wake must come again.
    Refused(Refusal),
}

/// How long the worker tries to store a claim. After that it steps the timer again, since the claim's lease has begun.
const CLAIM_PATIENCE: Duration = Duration::from_secs(5);

/// The delay after which a wake comes again that a node gives back because its clock is off. That node asks for no more wakes, but the
/// ones that it has asked for still come.
const CLOCK_OFF_DELAY: Duration = Duration::from_secs(1);

/// A claim that NATS has not confirmed, and that may still be stored.
struct Unclear {
    claimed: Box<Timer>,
    /// The revision that it was meant to replace.
    over: u64,
}

impl Engine {
    /// Attends to a wake until it can be settled or given back.
    ///
    /// Thousands of these futures wait at a time. Their short steps are in boxes, so that waiting takes less memory.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if the timer could not be read or stored; the wake must come again.
    pub async fn attend(&self, wake: &Wake, worker: &Worker) -> Result<Attended, NatsError> {
        if self.guard.is_clock_off() {
            return Ok(Attended::GiveBack(CLOCK_OFF_DELAY));
        }
        self.guard.compare().await?;
        let mut known = Box::pin(Known::look(self, &worker.memory, wake.id)).await?;
        // One id for all tries, so that a claim whose answer was lost is recognised as ours.
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
                    // The claimant knows the result of its call, so it reports that even about a restored record.
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
                // A client has changed the timer since, and it has grown.
                place = None;
            }
            // The claim starts a lease, so a place for the call comes before it.
            if let (true, None, Some(stored)) = (calls, &place, &known.stored) {
                let wanted = Wanted::of(&stored.timer, self.clock.now());
                // The effects hold the timer, and with it its body.
                drop(effects);
                let kept = known.waits(&worker.memory, &self.metrics.work.records_dropped);
                // A wake whose claim may be stored must not go to another node.
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
                        // That instant has passed, so the receiver is asked again.
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
            // A slightly stale copy is good enough for a swap, which would fail, and for nothing else.
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
                        armed = Some(
                            Box::pin(self.arm(wake.id, url, at, ArmedBy::Worker, Patience::Endless)).await?,
                        );
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
                        // Another node makes this call, at once, so no attempt has failed.
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

    /// Settles an unclear claim: afterwards it is stored, or can no longer be stored.
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
