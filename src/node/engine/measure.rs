//! Counts the states that a worker stores and the calls that it makes.

use crate::foundation::metrics::{Call, Outcome, Postponed, Work};
use rules::domain::attempt::CallResult;
use rules::domain::timer::{Doubt, State};
use rules::receivers;

/// Counts a state that a worker has stored over `before`. `called` says that the call had been made by then.
pub(super) fn stored(work: &Work, before: &State, after: &State, called: bool) {
    if !called && matches!(before, State::Firing { .. }) {
        work.claims_taken_over.inc();
    }
    match after {
        State::Delivered { .. } => work.attempts.count(Outcome::Delivered),
        // The timer was postponed, which is no attempt.
        State::Scheduled { .. } if matches!(before, State::Scheduled { .. }) => {}
        State::Scheduled { .. } => work.attempts.count(Outcome::Retried),
        State::Failed { .. } => work.attempts.count(Outcome::Failed),
        State::Unknown { doubt: Doubt::NoOutcome(_), .. } => work.attempts.count(Outcome::Unknown),
        // There was no attempt.
        State::Unknown { doubt: Doubt::Restored, .. } => {}
        State::Firing { .. } | State::Cancelled { .. } => {}
    }
}

/// The metrics' label for the reason why a call is postponed.
pub(super) fn why(why: receivers::Postponed) -> Postponed {
    match why {
        receivers::Postponed::Breaker => Postponed::Breaker,
        receivers::Postponed::RetryAfter => Postponed::RetryAfter,
        receivers::Postponed::Recovery => Postponed::Recovery,
        receivers::Postponed::Receiver => Postponed::Receiver,
        receivers::Postponed::Flow => Postponed::Flow,
        receivers::Postponed::Node => Postponed::Node,
    }
}

/// The metrics' label for a call's result.
pub(super) fn kind_of(result: &CallResult) -> Call {
    match result {
        CallResult::Answered { status: ..200, .. } => Call::Informed,
        CallResult::Answered { status: 200..300, .. } => Call::Success,
        CallResult::Answered { status: 300..400, .. } => Call::Redirect,
        CallResult::Answered { status: 400..500, .. } => Call::ClientError,
        CallResult::Answered { status: 500.., .. } => Call::ServerError,
        CallResult::NotSent { .. } => Call::NotSent,
        CallResult::Forbidden { .. } => Call::Forbidden,
        CallResult::NoAnswer { .. } => Call::NoAnswer,
        CallResult::Interrupted => Call::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::metrics::{Format, Metrics, Parts};
    use rules::domain::time::Timestamp;
    use rules::domain::timer::Claim;

    fn firing() -> State {
        let at = Timestamp::from_micros(1);
        let claim = Claim { id: uuid::Uuid::nil(), node: "n".into(), due_at: at, since: at, lease_until: at };
        State::Firing { attempt: 1, claim }
    }

    #[test]
    fn a_claim_is_taken_over_if_it_is_replaced_without_a_call() {
        let metrics = Metrics::new("1", Parts { works: true, ..Parts::default() });
        let at = Timestamp::from_micros(1);
        let scheduled = State::Scheduled { attempt: 1, at };
        let delivered = State::Delivered { at };
        stored(&metrics.work, &scheduled, &firing(), false);
        stored(&metrics.work, &firing(), &delivered, true);
        stored(&metrics.work, &firing(), &scheduled, true);
        let written = metrics.write(Format::Prometheus);
        assert!(written.contains("jettimer_claims_taken_over_total 0\n"), "{written}");
        assert!(
            written.contains("outcome=\"delivered\"} 1\n") && written.contains("outcome=\"retried\"} 1\n")
        );
        stored(&metrics.work, &firing(), &firing(), false);
        assert!(metrics.write(Format::Prometheus).contains("jettimer_claims_taken_over_total 1\n"));
    }
}
