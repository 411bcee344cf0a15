//! How a worker fires a due timer: it gets a place for the call, stores the claim, and calls.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::nats::{NatsError, Stored};
use crate::node::engine::Patience;
use crate::node::engine::attend::{Attended, Attention, note};
use crate::node::engine::call::{CallPlace, Wanted};
use crate::node::engine::carry_out::Carried;
use crate::node::engine::commit::{ArmedBy, Committed, Lost};
use crate::node::engine::elsewhere::NotHere;
use rules::domain::attempt::CallResult;
use rules::domain::called::Called;
use rules::domain::machine::{Effect, Input, may_still_call};
use rules::domain::timer::{Claim, Timer};

/// How long the worker tries to store a claim. After that it steps the timer again, since the claim's lease has begun.
const CLAIM_PATIENCE: Duration = Duration::from_secs(5);

/// A claim that NATS has not confirmed, and that may still be stored.
pub(super) struct Unclear {
    claimed: Box<Timer>,
    /// The revision that it was meant to replace.
    over: u64,
}

impl Attention<'_> {
    /// Waits for a place for the call, before the claim starts a lease. So no claim of this worker is stored or may be.
    pub(super) async fn admit(&mut self) -> Result<Option<Attended>, NatsError> {
        let (engine, worker) = (self.engine, self.worker);
        let Some(stored) = &self.known.stored else { return Ok(None) };
        // There is a place, but not for this timer: a client has changed the timer since, or a replica does not have a change yet.
        if self.place.is_some() && !self.known.fresh {
            self.known.read_again(engine, self.wake.id).await?;
            return Ok(None);
        }
        let wanted = Wanted::of(&stored.timer, engine.clock.now());
        self.give_up_place();
        let kept = self.known.waits(&worker.memory, &engine.metrics.work.records_dropped);
        tokio::select! {
            biased;
            () = worker.stop.cancelled() => return Ok(Some(Attended::GiveBack(Duration::ZERO))),
            admitted = engine.admitted_here(worker, &wanted, self.wake.tries) => match admitted {
                Ok(place) => self.place = Some(place.noted(worker.journal.claims(self.wake.id, self.claim))),
                Err(NotHere::ForAnother(delay)) => return Ok(Some(Attended::GiveBack(delay))),
                Err(NotHere::NotNow(until, turn)) if until > engine.clock.now() => {
                    self.postponing = Some(turn);
                    self.news = Some(Input::Postponed { until });
                }
                // That instant has passed, so the receiver is asked again.
                Err(NotHere::NotNow(..)) => {}
            },
        }
        if kept.is_none() {
            self.look_again().await?;
        }
        if self.place.is_some() {
            // The place has memory for the record.
            self.known.looking = None;
        }
        Ok(None)
    }

    /// Gives up the place, if there is one, and its entry in the journal: the next place has an entry for the same claim.
    pub(super) fn give_up_place(&mut self) {
        if let Some(place) = self.place.take() {
            place.ends();
        }
    }

    /// Stores the claim, unless it is stored already. Returns whether the call may be made; if not, the timer is stepped again.
    pub(super) async fn claim(&mut self, effects: Vec<Effect>) -> Result<bool, NatsError> {
        let Some(stored) = &self.known.stored else { return Ok(false) };
        let (before, over) = (&stored.timer.state, stored.revision);
        let patience = Patience::Until(Instant::now() + CLAIM_PATIENCE);
        let carried = self.engine.carry_out(effects, stored, ArmedBy::Worker, patience, |after| {
            note(self.engine, self.worker, self.news.as_ref(), before, after);
        });
        let carried = carried.await?;
        self.place.iter_mut().for_each(CallPlace::claimed);
        self.unclear = None;
        match carried {
            Carried::Out(claimed) => {
                if let Some(claimed) = claimed {
                    self.known.is_now(Some(*claimed));
                }
                Ok(true)
            }
            Carried::Lost(lost) => {
                self.lost(lost);
                Ok(false)
            }
            Carried::Failed {
                record: claimed,
                error: NatsError::Unclear(_) | NatsError::NotDone(_) | NatsError::NoRoom(_),
            } => {
                self.unclear = Some(Unclear { claimed, over });
                self.known.read_again(self.engine, self.wake.id).await?;
                Ok(false)
            }
            Carried::Failed { error, .. } => Err(error),
        }
    }

    /// Calls the receiver, and has the result as news.
    pub(super) async fn call(&mut self, claim: &Claim, attempt: u32) {
        let (engine, worker) = (self.engine, self.worker);
        let Some(stored) = &self.known.stored else { return };
        let called = if may_still_call(claim, stored.timer.timeout, engine.clock.moment()) {
            engine.call(worker, &stored.timer, claim, attempt, &mut self.place).await
        } else {
            Called::not_made("the claim was stored too late to call")
        };
        // Another node makes this call, at once, so no attempt has failed.
        let given_up = worker.abort.is_cancelled() && matches!(called.result, CallResult::NotSent { .. });
        self.news = Some(if given_up {
            Input::NotMade { claim: claim.id }
        } else {
            Input::Outcome { claim: claim.id, called: Arc::new(called) }
        });
    }

    /// Has the worker report that its call will not be made, if its claim is stored. Returns whether it is. Without a report, a claim that
    /// no worker follows up would end as `unknown` once its lease is over.
    pub(super) async fn give_back_claim(&mut self) -> Result<bool, NatsError> {
        self.settle_unclear_claim().await?;
        let is_stored = self.known.is_claimed_as(self.claim);
        if is_stored {
            self.news = Some(Input::NotMade { claim: self.claim });
        }
        Ok(is_stored)
    }

    /// Settles an unclear claim: afterwards it is stored, or can no longer be stored. A record that was brought back ends, so it is not
    /// claimed for that.
    async fn settle_unclear_claim(&mut self) -> Result<(), NatsError> {
        let Some(Unclear { claimed, over }) = self.unclear.take() else { return Ok(()) };
        let (engine, known) = (self.engine, &mut self.known);
        known.read_again(engine, claimed.id).await?;
        let is_unclaimed = |stored: &&Stored| stored.revision == over && !engine.guard.is_restored(stored);
        let Some(stored) = known.stored.as_ref().filter(is_unclaimed) else { return Ok(()) };
        known.stored = match engine.commit(&claimed, Some(stored), None, Patience::Endless).await? {
            Committed::Done(revision) => Some(stored.replaced_by(*claimed, revision)),
            Committed::Lost(Lost { now, .. }) => now.map(|now| *now),
        };
        Ok(())
    }
}
