//! The events that a version of a timer adds to the version before it.
//!
//! Versions may be passed over, since a bucket keeps only the newest. So begun and ended attempts are read from the timer's own
//! log, with their instants there. A number and an end tell which of them were counted already.

use super::Happened;
use crate::domain::state_kind::StateKind;
use crate::domain::time::Timestamp;
use crate::domain::timer::{Doubt, State, Timer};

/// The events of a timer that have been counted. Small, since there is one for each timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The number of the newest attempt that has begun; 0 if none has.
    fired: u32,
    /// The timer's end, if it has ended.
    end: Option<StateKind>,
}

impl Seen {
    /// All events that this version tells.
    pub fn of(timer: &Timer) -> Self {
        let logged = timer.attempts.last().map_or(0, |last| last.number);
        Self {
            fired: claimed(timer).map_or(logged, |(attempt, ..)| logged.max(attempt)),
            end: Some(timer.state.kind()).filter(|kind| kind.is_final()),
        }
    }
}

/// The events that this version tells and that were not counted before, each with its instant.
pub fn happened(before: Option<Seen>, timer: &Timer) -> Vec<(Timestamp, Happened)> {
    let now = Seen::of(timer);
    let fired = before.map_or(0, |before| before.fired);
    let mut news = Vec::new();
    if before.is_none() {
        news.push((timer.created_at, Happened::Created));
    }
    let logged = timer.attempts.iter().map(|one| (one.number, one.claimed_at, one.due_at));
    let last = timer.attempts.last().map_or(0, |last| last.number);
    let claimed = claimed(timer).filter(|(attempt, ..)| *attempt > last);
    for (_, at, due_at) in logged.chain(claimed).filter(|(number, ..)| *number > fired) {
        news.push((at, Happened::Fired { late: at.since(due_at) }));
    }
    // If the same end comes once more, after a replay that was passed over, it is the end of another attempt.
    if before.is_none_or(|before| before.end != now.end || before.fired != now.fired) {
        news.extend(ended(timer));
    }
    news
}

/// The attempt that is claimed, or whose outcome is unknown: its number, when it began and when it was due.
fn claimed(timer: &Timer) -> Option<(u32, Timestamp, Timestamp)> {
    match &timer.state {
        State::Firing { attempt, claim } | State::Unknown { attempt, doubt: Doubt::NoOutcome(claim), .. } => {
            Some((*attempt, claim.since, claim.due_at))
        }
        State::Scheduled { .. }
        | State::Delivered { .. }
        | State::Failed { .. }
        | State::Cancelled { .. }
        | State::Unknown { doubt: Doubt::Restored, .. } => None,
    }
}

fn ended(timer: &Timer) -> Option<(Timestamp, Happened)> {
    match timer.state {
        State::Scheduled { .. } | State::Firing { .. } => None,
        State::Delivered { at } => Some((at, Happened::Delivered)),
        State::Failed { at, .. } => Some((at, Happened::Failed)),
        State::Unknown { at, .. } => Some((at, Happened::Unknown)),
        State::Cancelled { at } => Some((at, Happened::Cancelled)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::attempt::Delivery;
    use crate::domain::machine::{Command, Effect, Input, obey, step};
    use crate::domain::sample::a_timer;

    /// Every version of a timer that is called once and then cancelled or delivered.
    fn versions() -> Vec<Timer> {
        let timer = a_timer(Delivery::AtMostOnce, 3);
        let due = timer.due_at;
        let claim = uuid::Uuid::from_u128(7);
        let wake = Input::Wake { claim, node: "node".into(), tries: 1, has_place: true };
        let stored = |effects: Vec<Effect>| {
            let store = effects
                .into_iter()
                .find_map(|effect| if let Effect::Store(timer) = effect { Some(*timer) } else { None });
            store.expect("a version is stored")
        };
        let firing = stored(step(&timer, wake, due).effects);
        let called = crate::domain::called::Called::not_made("refused");
        let outcome = Input::Outcome { claim, called: Arc::new(called) };
        let again = stored(step(&firing, outcome, due).effects);
        let cancelled = stored(obey(&again, Command::Cancel, due).unwrap());
        vec![timer, firing, again, cancelled]
    }

    fn counted(versions: &[&Timer]) -> Vec<Happened> {
        let mut before = None;
        let mut all = vec![];
        for timer in versions {
            all.extend(happened(before, timer).into_iter().map(|(_, happened)| happened));
            before = Some(Seen::of(timer));
        }
        all
    }

    #[test]
    fn whatever_versions_are_passed_over_each_thing_is_counted_once() {
        let all = versions();
        let expected =
            [Happened::Created, Happened::Fired { late: std::time::Duration::ZERO }, Happened::Cancelled];
        for passed_over in 0..8 {
            let heard: Vec<&Timer> = all
                .iter()
                .enumerate()
                .filter(|(place, _)| *place == 3 || passed_over >> place & 1 == 0)
                .map(|(_, timer)| timer)
                .collect();
            assert_eq!(counted(&heard), expected, "{passed_over:b}");
        }
    }

    #[test]
    fn a_version_that_says_nothing_new_is_not_counted() {
        let all = versions();
        let twice: Vec<&Timer> = all.iter().flat_map(|timer| [timer, timer]).collect();
        assert_eq!(counted(&twice).len(), 3);
    }
}
