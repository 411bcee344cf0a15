//! The promises: conditions that must hold after every single effect, and for every version that follows another.

use crate::domain::attempt::{Attempt, CallResult, Delivery};
use crate::domain::machine::{Command, Input, LEASE_MARGIN};
use crate::domain::time::Timestamp;
use crate::domain::timer::{Claim, ClaimId, Doubt, MAX_ATTEMPTS_KEPT, State, Timer};

use super::actor::Actor;
use super::world::{Call, World};

/// The promises about a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Promise {
    /// If a timer is scheduled, the broker holds a wake for its instant or an earlier one, or for its postponement.
    WokenInTime,
    /// If a timer is claimed, the broker holds a wake.
    Watched,
    /// Whatever has happened, a timer comes to its end once nothing more goes wrong.
    NeverLost,
    /// No call starts before the timer is due.
    NeverEarly,
    /// No receiver sees an at-most-once timer twice, unless a client replays it.
    AtMostOnce,
    /// Each call is made under the claim that is stored.
    CallsAreClaimed,
    /// No receiver is called after a cancel was answered with success.
    CancelsAreKept,
    /// A timer that is over stays as it is.
    FinalIsFinal,
    /// A claim belongs to one worker, as long as it lasts.
    ClaimsAreExclusive,
    /// Attempts are numbered, counted and kept as they were made.
    AttemptsAreCounted,
    /// The retry policy is kept.
    PolicyIsKept,
    /// A change and a request to fire have the effect that they name.
    WishesAreGranted,
    /// A postponement is not an attempt.
    PostponedIsNotTried,
    /// A call that was not made leaves the timer as it was.
    GivenBackAsItWas,
    /// The callback of a timer that ended is made.
    EndsAreTold,
    /// A client's request is done once.
    WishesAreDoneOnce,
    /// The result of a call is unknown only if something has gone wrong.
    UnknownHasACause,
    /// A sweep finds nothing as long as the broker loses nothing.
    NoFalseAlarm,
    /// A timer that is over is not called again, even if the broker brings an older version of it back.
    RestoredIsNotCalled,
    /// A timer is taken for one that was brought back only if it was.
    OnlyRestoredIsGivenUp,
}

impl Call {
    pub(super) fn may_have_arrived(&self) -> bool {
        self.result.as_ref().is_none_or(CallResult::may_have_arrived)
    }
}

impl World {
    /// Notes the first promise that is broken.
    pub(super) fn demand(&mut self, kept: bool, promise: Promise) {
        if !kept && self.broken.is_none() {
            self.broken = Some(promise);
        }
    }

    /// Checks the promises that hold after every single effect.
    pub(super) fn check_always(&mut self) {
        let intact = !self.wiped && self.revived.is_none();
        match self.record().filter(|_| intact).map(|timer| &timer.state) {
            Some(State::Scheduled { at, .. }) => {
                let mut waiting = self.broker.schedules.iter();
                let in_time = waiting.any(|armed| armed <= at || self.postponed.contains(armed));
                self.demand(!self.broker.queue.is_empty() || in_time, Promise::WokenInTime);
            }
            Some(State::Firing { .. }) => self.demand(!self.broker.is_empty(), Promise::Watched),
            None
            | Some(
                State::Delivered { .. }
                | State::Failed { .. }
                | State::Cancelled { .. }
                | State::Unknown { .. },
            ) => {}
        }
        self.demand(self.calls.iter().all(|call| call.at >= call.due), Promise::NeverEarly);
        if let Some(calls) = self.cancelled_with_calls {
            self.demand(calls == self.calls.len(), Promise::CancelsAreKept);
        }
        if let Some(then) = self.revived {
            let replayed = then.replays < self.replays;
            self.demand(then.calls == self.calls.len() || replayed, Promise::RestoredIsNotCalled);
        }
        self.demand(self.replays <= self.replays_wanted, Promise::WishesAreDoneOnce);
        if self.delivery == Delivery::AtMostOnce {
            // A replay is a client's own request for one more call.
            self.demand(self.arrived() <= 1 + self.replays, Promise::AtMostOnce);
        }
    }

    /// How many calls the receiver may have seen.
    pub(super) fn arrived(&self) -> usize {
        self.calls.iter().filter(|call| call.may_have_arrived()).count()
    }

    /// Checks the promises that hold once everything is quiet: the timer is over, and its callback was made.
    pub(super) fn check_over(&mut self) {
        let last = self.history.len().saturating_sub(1);
        // If the creation was cut off, the client was promised nothing.
        let Some(timer) = self.record() else { return };
        let (over, tells) = (timer.state.is_final(), timer.callback().is_some());
        self.demand(over, Promise::NeverLost);
        self.demand(!tells || self.told.contains(&last), Promise::EndsAreTold);
    }

    /// Whether the timer has failed because its receiver had no room before the deadline.
    pub(super) fn gave_up(&self) -> bool {
        self.given_up.is_some_and(|version| version + 1 == self.history.len())
    }

    /// Checks a call under this claim that is about to start.
    pub(super) fn check_call(&mut self, claim: &Claim) {
        let state = self.record().map(|timer| &timer.state);
        let held = matches!(state, Some(State::Firing { claim: stored, .. }) if stored.id == claim.id);
        self.demand(held, Promise::CallsAreClaimed);
    }

    /// Checks whether the actor may store this version after the present one.
    pub(super) fn check_may_follow(&mut self, actor: &Actor, new: &Timer) {
        self.demand(new.attempts.len() <= MAX_ATTEMPTS_KEPT, Promise::AttemptsAreCounted);
        let restored = matches!(new.state, State::Unknown { doubt: Doubt::Restored, .. });
        self.demand(!restored || self.revived.is_some(), Promise::OnlyRestoredIsGivenUp);
        let Some(old) = self.history.last().map(|version| version.timer.clone()) else { return };
        let by_holder = holder(&old.state) == Some(actor.claim);
        let abandoned = abandons(&old, new);
        self.demand(new.attempts == old.attempts || by_holder || abandoned, Promise::ClaimsAreExclusive);
        let replay = matches!(actor.command(), Some(Command::Replay));
        match &old.state {
            State::Delivered { .. } | State::Cancelled { .. } => self.demand(false, Promise::FinalIsFinal),
            State::Failed { .. } => self.demand(replay, Promise::FinalIsFinal),
            State::Unknown { .. } => self.demand(by_holder || replay, Promise::FinalIsFinal),
            State::Firing { claim, .. } => {
                self.demand(by_holder || self.now >= claim.lease_until, Promise::ClaimsAreExclusive);
            }
            // The client's request is refused.
            State::Scheduled { .. } if restored => {}
            State::Scheduled { attempt, at } => {
                if let Some(Command::Change(change)) = actor.command() {
                    let due_at = change.due_at.unwrap_or(old.due_at);
                    let state = State::Scheduled { attempt: *attempt, at: change.due_at.unwrap_or(*at) };
                    self.demand(new.due_at == due_at && new.state == state, Promise::WishesAreGranted);
                }
                if matches!(actor.command(), Some(Command::Fire)) {
                    self.demand(new.due_at <= self.now, Promise::WishesAreGranted);
                }
            }
        }
        if let Some(Input::Postponed { until }) = actor.event().filter(|_| !restored) {
            let since = old.retried_since();
            let late = old.retry.deadline.is_some_and(|deadline| *until > since.saturating_add(deadline));
            let failed = matches!(new.state, State::Failed { .. });
            let same = new.attempts_started() == old.attempts_started();
            self.demand(late && failed && same, Promise::PostponedIsNotTried);
        }
        if let State::Firing { attempt, claim } = &new.state {
            self.check_claim(&old, new, *attempt, claim);
        }
        if let Some(Input::NotMade { claim }) = actor.event().filter(|_| !restored) {
            self.check_given_back(&old, new, *claim);
        }
        // If the call was not made after all, its attempt leaves the log.
        let not_made = matches!(actor.event(), Some(Input::NotMade { .. }));
        let reported = by_holder && !abandoned && !not_made && new.attempts != old.attempts;
        if let (true, Some(last)) = (reported, new.attempts.last()) {
            self.check_outcome(&old, new, last);
        }
    }

    /// Checks whether this claim is for the attempt that follows the record.
    fn check_claim(&mut self, old: &Timer, new: &Timer, attempt: u32, claim: &Claim) {
        let lease = claim.since.saturating_add(new.timeout + LEASE_MARGIN);
        self.demand(claim.lease_until >= lease, Promise::ClaimsAreExclusive);
        let known = self.revived.map_or(0, |then| then.versions);
        let earlier = self.history.iter().skip(known).filter_map(|version| match version.timer.state {
            State::Firing { attempt, ref claim } if !self.given_back.contains(&claim.id) => Some(attempt),
            State::Firing { .. }
            | State::Scheduled { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => None,
        });
        let counted = new.counted(attempt) <= new.retry.max_attempts && earlier.max() < Some(attempt);
        let next = match &old.state {
            State::Scheduled { attempt, at } => Some((*attempt, *at)),
            State::Firing { attempt, claim } => Some((attempt + 1, claim.due_at)),
            State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => None,
        };
        self.demand(counted && next == Some((attempt, claim.due_at)), Promise::AttemptsAreCounted);
        if let (State::Firing { .. }, Some(deadline)) = (&old.state, old.retry.deadline) {
            let until = old.replayed_at.unwrap_or(old.due_at).saturating_add(deadline);
            self.demand(claim.since <= until, Promise::PolicyIsKept);
        }
    }

    /// Checks whether the timer waits again as it did before this claim.
    fn check_given_back(&mut self, old: &Timer, new: &Timer, mine: ClaimId) {
        let (State::Firing { attempt, claim }
        | State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. }) = &old.state
        else {
            return self.demand(false, Promise::GivenBackAsItWas);
        };
        let state = State::Scheduled { attempt: *attempt, at: claim.due_at };
        let mut attempts = old.attempts.clone();
        attempts.retain(|logged| logged.number != *attempt);
        let as_it_was = claim.id == mine && *new == Timer { state, attempts, ..old.clone() };
        self.demand(as_it_was, Promise::GivenBackAsItWas);
    }

    /// Checks whether the holder of the claim has stored the outcome of its own attempt.
    fn check_outcome(&mut self, old: &Timer, new: &Timer, last: &Attempt) {
        let (State::Firing { claim, .. } | State::Unknown { doubt: Doubt::NoOutcome(claim), .. }) =
            &old.state
        else {
            return;
        };
        let same = (last.due_at, last.claimed_at) == (claim.due_at, claim.since);
        self.demand(same, Promise::AttemptsAreCounted);
        if let State::Scheduled { attempt, at } = new.state {
            self.demand(attempt == last.number + 1, Promise::AttemptsAreCounted);
            self.demand(may_retry(new, last, at), Promise::PolicyIsKept);
        }
    }
}

/// Whether the new entry in the log is the attempt of a claimant that was taken for dead.
fn abandons(old: &Timer, new: &Timer) -> bool {
    let State::Firing { attempt, claim } = &old.state else { return false };
    let Some((last, others)) = new.attempts.split_last() else { return false };
    let of_the_claim = (last.number, last.claimed_at, &last.node) == (*attempt, claim.since, &claim.node);
    let CallResult::NoAnswer { reason } = &last.called.result else { return false };
    of_the_claim && old.attempts.ends_with(others) && reason.contains("taken for dead")
}

/// The claim in force, also of a timer that was given up.
fn holder(state: &State) -> Option<ClaimId> {
    match state {
        State::Firing { claim, .. } | State::Unknown { doubt: Doubt::NoOutcome(claim), .. } => Some(claim.id),
        State::Scheduled { .. }
        | State::Delivered { .. }
        | State::Failed { .. }
        | State::Cancelled { .. }
        | State::Unknown { doubt: Doubt::Restored, .. } => None,
    }
}

/// Whether the policy allows another attempt after this one at this instant.
fn may_retry(timer: &Timer, last: &Attempt, at: Timestamp) -> bool {
    let policy = &timer.retry;
    let wait = at.since(last.finished_at);
    let counted = last.number - timer.attempts_before;
    let step =
        policy.initial_backoff.saturating_mul(2_u32.saturating_pow(counted - 1)).min(policy.max_backoff);
    let since = timer.replayed_at.unwrap_or(timer.due_at);
    let in_time = policy.deadline.is_none_or(|deadline| at <= since.saturating_add(deadline));
    let retried = match (&last.called.result, timer.delivery) {
        (CallResult::NotSent { .. }, _) => true,
        (CallResult::Answered { status, retry_after }, Delivery::AtLeastOnce) => {
            let asked = retry_after.unwrap_or_default().min(policy.max_backoff);
            *status != 410 && policy.statuses.contains(*status) && wait >= asked
        }
        (CallResult::NoAnswer { .. } | CallResult::Interrupted, Delivery::AtLeastOnce) => true,
        (CallResult::Forbidden { .. }, _) | (_, Delivery::AtMostOnce) => false,
    };
    wait >= step / 2 && wait <= policy.max_backoff && in_time && retried
}
