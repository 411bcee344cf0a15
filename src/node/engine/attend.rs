//! A worker attends to a wake: it looks at the record, holds the wake until the instant, is admitted, claims, calls and concludes.
//! `fire` has the part from the admission to the call.

use std::time::Duration;

use uuid::Uuid;

use crate::foundation::metrics::LostClaim;
use crate::nats::{NatsError, Wake};
use crate::node::engine::call::CallPlace;
use crate::node::engine::carry_out::Carried;
use crate::node::engine::commit::{ArmedBy, Lost};
use crate::node::engine::fire::Unclear;
use crate::node::engine::postponing::Turn;
use crate::node::engine::wake_view::WakeView;
use crate::node::engine::{Engine, Patience, Worker, measure, report};
use rules::domain::machine::{Effect, Input, Step, Then, step, unneeded};
use rules::domain::time::Timestamp;
use rules::domain::timer::{ClaimId, State, Timer};

/// The decision about a wake that was attended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attended {
    /// The wake has done its duty.
    Settle,
    /// The wake must come again after this time, to this node or another.
    GiveBack(Duration),
}

/// The delay after which a wake comes again that a node gives back because its clock is off. That node asks for no more wakes, but the
/// ones that it has asked for still come.
const CLOCK_OFF_DELAY: Duration = Duration::from_secs(1);

/// A worker that attends to a wake.
pub(super) struct Attention<'a> {
    pub(super) engine: &'a Engine,
    pub(super) worker: &'a Worker,
    pub(super) wake: &'a Wake,
    pub(super) known: WakeView,
    /// The name of the claim. It stays the same for all tries, so that a claim whose answer was lost is recognised as ours.
    pub(super) claim: ClaimId,
    /// The place for the call, once the timer is admitted.
    pub(super) place: Option<CallPlace>,
    /// The latest event since the wake has come.
    pub(super) news: Option<Input>,
    /// The claim that NATS has not confirmed.
    pub(super) unclear: Option<Unclear>,
    /// The timer's turn to be postponed.
    pub(super) postponing: Option<Turn>,
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
        let mut attention = Attention {
            engine: self,
            worker,
            wake,
            known: Box::pin(WakeView::look(self, &worker.memory, wake)).await?,
            claim: Uuid::new_v4(),
            place: None,
            news: None,
            unclear: None,
            postponing: None,
        };
        loop {
            if let Some(attended) = attention.advance().await? {
                return Ok(attended);
            }
        }
    }
}

impl Attention<'_> {
    /// Takes the next step of the timer. Returns the decision about the wake once there is one.
    async fn advance(&mut self) -> Result<Option<Attended>, NatsError> {
        if self.engine.guard.is_clock_off()
            && let Some(attended) = Box::pin(self.put_aside()).await?
        {
            return Ok(Some(attended));
        }
        let Step { effects, then } = self.look();
        // The lease of a claim has begun. So the claim waits neither for a place nor for a clock that was set back.
        if self.may_have_claimed() && !matches!(then, Then::Call { .. }) {
            Box::pin(self.give_back_claim()).await?;
            return Ok(None);
        }
        match then {
            Then::Hold { until } => self.hold(until).await,
            Then::Admit => self.admit().await,
            Then::Call { claim, attempt } => {
                if Box::pin(self.claim(effects)).await? {
                    Box::pin(self.call(&claim, attempt)).await;
                }
                Ok(None)
            }
            Then::Later { until } => {
                let delay = self.engine.clock.moment().until(until);
                Box::pin(self.conclude(effects, Attended::GiveBack(delay))).await
            }
            // A slightly stale copy is good enough for a swap, which would fail, and for nothing else.
            Then::Settle if !self.known.fresh => {
                Box::pin(self.known.read_again(self.engine, self.wake.id)).await?;
                Ok(None)
            }
            Then::Settle => Box::pin(self.conclude(effects, Attended::Settle)).await,
        }
    }

    /// Gives the wake back, since this node's clock is off, or gives back the claim first. A call that was made is reported as ever.
    async fn put_aside(&mut self) -> Result<Option<Attended>, NatsError> {
        if self.reports() || self.give_back_claim().await? {
            return Ok(None);
        }
        Ok(Some(Attended::GiveBack(CLOCK_OFF_DELAY)))
    }

    /// Whether the worker reports on a claim: its call was made, or will not be made.
    fn reports(&self) -> bool {
        self.news.as_ref().is_some_and(Input::reports)
    }

    /// Whether a claim of this worker is stored or may be, and nothing was reported about it.
    fn may_have_claimed(&self) -> bool {
        !self.reports() && (self.unclear.is_some() || self.known.is_claimed_as(self.claim))
    }

    /// Looks at the record and asks the rules what to do.
    fn look(&self) -> Step {
        let now = self.engine.clock.moment();
        let Some(stored) = &self.known.stored else { return unneeded(self.wake.tries, now).into() };
        // The claimant knows the result of its call, so it reports that even about a restored record.
        let reports = matches!(self.news, Some(Input::Outcome { .. }));
        let input = if !reports && self.engine.guard.is_restored(stored) {
            Input::Restored
        } else {
            self.news.clone().unwrap_or_else(|| self.woken(&stored.timer))
        };
        step(&stored.timer, input, now)
    }

    fn woken(&self, timer: &Timer) -> Input {
        Input::Wake {
            claim: self.claim,
            node: self.engine.node.clone(),
            tries: self.wake.tries,
            has_place: self.place.as_ref().is_some_and(|place| place.is_for(timer)),
        }
    }

    /// Holds the wake until this instant, or until another wake makes it needless.
    async fn hold(&mut self, until: Timestamp) -> Result<Option<Attended>, NatsError> {
        let worker = self.worker;
        self.give_up_place();
        let held = worker.holds.hold(self.wake.id, self.wake.tries);
        let kept = self.known.waits(&worker.memory, &self.engine.metrics.work.records_dropped);
        tokio::select! {
            biased;
            () = worker.stop.cancelled() => return Ok(Some(Attended::GiveBack(Duration::ZERO))),
            () = held.is_needless() => return Ok(Some(Attended::Settle)),
            () = worker.alarm.until(until) => {}
        }
        if kept.is_none() {
            self.look_again().await?;
        }
        Ok(None)
    }

    /// Reads a record that was dropped while its timer waited.
    pub(super) async fn look_again(&mut self) -> Result<(), NatsError> {
        self.known = Box::pin(WakeView::look(self.engine, &self.worker.memory, self.wake)).await?;
        Ok(())
    }

    /// Carries out the effects; then the decision about the wake stands. `None` if another writer was first.
    async fn conclude(
        &mut self,
        effects: Vec<Effect>,
        attended: Attended,
    ) -> Result<Option<Attended>, NatsError> {
        // Without a record, there is nothing to carry out.
        let Some(stored) = &self.known.stored else { return Ok(Some(attended)) };
        let before = &stored.timer.state;
        let carried = self.engine.carry_out(effects, stored, ArmedBy::Worker, Patience::Endless, |after| {
            note(self.engine, self.worker, self.news.as_ref(), before, after);
            if self.news.as_ref().is_some_and(Input::reports)
                && let Some(place) = self.place.take()
            {
                place.ends();
            }
        });
        match carried.await? {
            Carried::Out(_) => Ok(Some(attended)),
            Carried::Lost(lost) => {
                self.lost(lost);
                Ok(None)
            }
            Carried::Failed { error, .. } => Err(error),
        }
    }

    /// Another writer was first, and this is the record now.
    pub(super) fn lost(&mut self, lost: Lost) {
        let called = matches!(self.news, Some(Input::Outcome { .. }));
        let when = if called { LostClaim::AfterCall } else { LostClaim::BeforeCall };
        self.engine.metrics.work.claims_lost.count(when);
        self.known.is_now(lost.now.map(|current| *current));
    }
}

/// Counts and logs that a worker has stored `after` in place of a record in the state `before`. A record that was brought back ends,
/// whatever the worker had to report.
pub(super) fn note(engine: &Engine, worker: &Worker, news: Option<&Input>, before: &State, after: &Timer) {
    if matches!((news, &after.state), (Some(Input::NotMade { .. }), State::Scheduled { .. })) {
        let why = if worker.abort.is_cancelled() {
            "the node was stopped"
        } else if engine.guard.is_clock_off() {
            "its clock is off"
        } else {
            "its clock was set back"
        };
        report::given_back(after, why);
    } else {
        let called = matches!(news, Some(Input::Outcome { .. }));
        measure::stored(&engine.metrics.work, before, &after.state, called);
        report::stored(after);
    }
    engine.metrics.sweep.stored(&after.state);
}
