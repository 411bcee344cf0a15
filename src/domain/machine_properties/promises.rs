//! What must hold after every single effect, and of every version that follows another.

use crate::domain::attempt::{Attempt, CallResult, Delivery};
use crate::domain::machine::{Input, LEASE_MARGIN};
use crate::domain::time::Timestamp;
use crate::domain::timer::{Claim, MAX_ATTEMPTS_KEPT, State, Timer};

use super::actor::Actor;
use super::world::World;

impl World {
    /// Holds after every single effect.
    pub(super) fn assert_always(&self) {
        match self.record().filter(|_| !self.wiped).map(|timer| &timer.state) {
            Some(State::Scheduled { at, .. }) => assert!(
                !self.queue.is_empty()
                    || self.schedules.iter().any(|armed| armed <= at || self.postponed.contains(armed)),
                "nobody will wake the timer in time"
            ),
            Some(State::Firing { .. }) => {
                assert!(!self.queue.is_empty() || !self.schedules.is_empty(), "nobody watches the claim");
            }
            None
            | Some(
                State::Delivered { .. }
                | State::Failed { .. }
                | State::Cancelled { .. }
                | State::Unknown { .. },
            ) => {}
        }
        for call in &self.calls {
            assert!(call.at >= call.due, "called before it was due");
        }
        if let Some(calls) = self.cancelled_with_calls {
            assert_eq!(calls, self.calls.len(), "called after a cancel that was answered with success");
        }
    }

    /// Holds once everything is quiet: how the timer ended has been told.
    pub(super) fn assert_told(&self) {
        let last = self.history.len().saturating_sub(1);
        if self.record().is_some_and(|timer| timer.callback().is_some()) {
            assert!(self.told.contains(&last), "nobody was told: {:?}", self.record());
        }
    }

    /// Whether the timer has failed since there was no room for it before its deadline.
    pub(super) fn gave_up(&self) -> bool {
        self.given_up.is_some_and(|version| version + 1 == self.history.len())
    }

    /// Whether the actor may store this version after the one that is there.
    pub(super) fn assert_may_follow(&self, actor: &Actor, new: &Timer) {
        assert!(new.attempts.len() <= MAX_ATTEMPTS_KEPT);
        let Some(old) = self.record() else { return };
        let holder = match &old.state {
            State::Firing { claim, .. } | State::Unknown { claim, .. } => Some(claim),
            State::Scheduled { .. }
            | State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => None,
        };
        let by_holder = holder.is_some_and(|claim| claim.id == actor.claim);
        assert!(new.attempts == old.attempts || by_holder, "an outcome of a claim that is not held");
        let replay = matches!(actor.input, Some(Input::Replay));
        match &old.state {
            State::Delivered { .. } | State::Cancelled { .. } => {
                panic!("{:?} became {:?}", old.state, new.state)
            }
            State::Failed { .. } => assert!(replay, "{:?} became {:?}", old.state, new.state),
            State::Unknown { .. } => {
                assert!(by_holder || replay, "only its claimant may replace an unknown outcome");
            }
            State::Firing { claim, .. } => {
                assert!(by_holder || self.now >= claim.lease_until, "taken over from a living claimant");
            }
            State::Scheduled { attempt, at } => {
                if let Some(Input::Change(change)) = &actor.input {
                    let due_at = change.due_at.unwrap_or(old.due_at);
                    assert_eq!(new.due_at, due_at, "moved to another instant than was asked for");
                    let state = State::Scheduled { attempt: *attempt, at: change.due_at.unwrap_or(*at) };
                    assert_eq!(new.state, state);
                }
                if matches!(actor.input, Some(Input::Fire)) {
                    assert!(new.due_at <= self.now, "to be fired now, and is not due");
                }
            }
        }
        if let State::Firing { attempt, claim } = &new.state {
            assert!(claim.lease_until >= claim.since.saturating_add(new.timeout + LEASE_MARGIN));
            assert!(new.counted(*attempt) <= new.retry.max_attempts, "more attempts than allowed");
            let earlier = self.history.iter().filter_map(|timer| match timer.state {
                State::Firing { attempt, .. } => Some(attempt),
                State::Scheduled { .. }
                | State::Delivered { .. }
                | State::Failed { .. }
                | State::Cancelled { .. }
                | State::Unknown { .. } => None,
            });
            assert!(earlier.max() < Some(*attempt), "an attempt's number is used twice");
        }
        if let Some(Input::Postponed { until }) = &actor.input {
            let since = old.retried_since();
            let late = old.retry.deadline.is_some_and(|deadline| *until > since.saturating_add(deadline));
            assert!(
                late && matches!(new.state, State::Failed { .. }),
                "a postponement has changed the timer"
            );
            assert_eq!(
                new.attempts_started(),
                old.attempts_started(),
                "a postponement has used up an attempt"
            );
        }
        if let State::Firing { attempt, claim } = &new.state {
            Self::assert_is_next(old, *attempt, claim);
        }
        if let (Some(claim), true, Some(last)) = (holder, by_holder, new.attempts.last()) {
            assert_eq!(
                (last.due_at, last.claimed_at),
                (claim.due_at, claim.since),
                "another attempt is kept"
            );
            if let State::Scheduled { attempt, at } = new.state {
                assert_eq!(attempt, last.number + 1, "an attempt is left out or made twice");
                assert_may_retry(new, last, at);
            }
        }
    }

    /// Whether this claim is of the attempt that follows the record.
    fn assert_is_next(old: &Timer, attempt: u32, claim: &Claim) {
        let next = match &old.state {
            State::Scheduled { attempt, at } => (*attempt, *at),
            State::Firing { attempt, claim } => (attempt + 1, claim.due_at),
            State::Delivered { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Unknown { .. } => unreachable!("it is over"),
        };
        assert_eq!((attempt, claim.due_at), next, "not the attempt that is due");
        if let (State::Firing { .. }, Some(deadline)) = (&old.state, old.retry.deadline) {
            let until = old.replayed_at.unwrap_or(old.due_at).saturating_add(deadline);
            assert!(claim.since <= until, "tried again after the deadline");
        }
    }
}

/// Whether the policy allows that this attempt is followed by another one at this instant.
fn assert_may_retry(timer: &Timer, last: &Attempt, at: Timestamp) {
    let policy = &timer.retry;
    let wait = at.since(last.finished_at);
    let counted = last.number - timer.attempts_before;
    let step =
        policy.initial_backoff.saturating_mul(2_u32.saturating_pow(counted - 1)).min(policy.max_backoff);
    assert!(wait >= step / 2, "tried again sooner than the backoff: {wait:?}");
    assert!(wait <= policy.max_backoff, "tried again later than after the longest backoff: {wait:?}");
    if let Some(deadline) = policy.deadline {
        let since = timer.replayed_at.unwrap_or(timer.due_at);
        assert!(at <= since.saturating_add(deadline), "tried again after the deadline");
    }
    match (&last.called.result, timer.delivery) {
        (CallResult::NotSent { .. }, _) => {}
        (CallResult::Answered { status, retry_after }, Delivery::AtLeastOnce) => {
            assert!(*status != 410 && policy.statuses.contains(*status), "tried again after a {status}");
            let asked = retry_after.unwrap_or_default().min(policy.max_backoff);
            assert!(wait >= asked, "the receiver asked to be left alone for {asked:?}, and had {wait:?}");
        }
        (CallResult::NoAnswer { .. } | CallResult::Interrupted, Delivery::AtLeastOnce) => {}
        (result @ CallResult::Forbidden { .. }, _) | (result, Delivery::AtMostOnce) => {
            panic!("tried again after {result:?}")
        }
    }
}
