//! The oracle finds each kind of violation that a test plants into a history without violations.

mod forgets;

use super::judge;
use crate::history::{
    Asked, Call, ClockSet, End, Ended, Final, Happened, History, Life, Logged, Micros, Request, Seen, Told,
};
use crate::plan::{Behaviour, Due, Fault, Item, LinkTrouble, Peer, What, Which};

pub(crate) use forgets::ALL as OF_A_BROKER_THAT_FORGETS;

const SECOND: Micros = 1_000_000;
const BEGAN: Micros = 1_000 * SECOND;
const DUE: Micros = BEGAN + 2 * SECOND;
const ID: &str = "id-0";

/// A timer that is created, due after two seconds, and delivered by the first call.
fn one(at_least_once: bool) -> History {
    let item = Item {
        at_ms: 0,
        due: Due::AtMs(2_000),
        at_least_once,
        max_attempts: 3,
        receiver: 0,
        behaviour: Behaviour::Ok,
        body_bytes: 0,
        nodes: vec![0],
        keyed: false,
        then: vec![],
    };
    let life = |node: usize| Life { node, name: format!("node-{node}.0"), began: 0, ended: None };
    History {
        items: vec![item],
        began: BEGAN,
        requests: vec![request(Asked::Create, BEGAN, 201, "scheduled", 0)],
        calls: vec![call(1, DUE + 1_000)],
        lives: (0..3).map(life).collect(),
        end: End {
            quiet_at: BEGAN + 20 * SECOND,
            timers: vec![Final {
                item: Some(0),
                id: ID.to_owned(),
                state: "delivered".to_owned(),
                attempts: 1,
                log: vec![logged(1, "answered", Some(200))],
                ..Final::default()
            }],
            counts: ["scheduled", "firing", "delivered", "failed", "unknown", "cancelled", "total"]
                .map(|name| (name.to_owned(), u64::from(name == "delivered" || name == "total")))
                .into(),
            ready: vec![200; 3],
            ..End::default()
        },
        ..History::default()
    }
}

/// A request at node 0 that takes a millisecond.
fn request(asked: Asked, sent: Micros, status: u16, state: &str, attempts: u32) -> Request {
    let due_at = if let Asked::MoveTo(to) = asked { to } else { DUE };
    let timer = Some(Seen { id: ID.to_owned(), state: state.to_owned(), due_at, attempts });
    Request { item: 0, node: 0, asked, sent, told: Some(Told { at: sent + 1_000, status, timer }) }
}

/// A call by node 1.
fn call(attempt: u32, at: Micros) -> Call {
    let answered_at = at + 1_000;
    Call {
        item: Some(0),
        id: ID.to_owned(),
        attempt,
        node: 1,
        receiver: 0,
        at,
        answered: Some(200),
        answered_at,
    }
}

fn logged(number: u32, result: &str, status: Option<u16>) -> Logged {
    Logged {
        number,
        node: "node-1.0".to_owned(),
        due_at: DUE,
        claimed_at: DUE,
        finished_at: DUE + 2_000,
        result: result.to_owned(),
        status,
    }
}

/// Gives the timer another end.
fn ended(history: &mut History, state: &str, log: Vec<Logged>) {
    let timer = &mut history.end.timers[0];
    for (name, change) in [(timer.state.clone(), 0), (state.to_owned(), 1)] {
        history.end.counts.insert(name, change);
    }
    timer.state = state.to_owned();
    timer.attempts = log.last().map_or(0, |last| last.number);
    timer.log = log;
}

fn happened(what: What, began: Micros, ended: Micros) -> Happened {
    let fault = Fault { at_ms: 0, for_ms: 0, what };
    Happened { fault, whom: String::new(), began, ended, skipped: None }
}

/// The promises that a history breaks.
fn promises(history: &History) -> Vec<&'static str> {
    let mut promises: Vec<&str> = judge(history).into_iter().map(|violation| violation.promise).collect();
    promises.dedup();
    promises
}

#[track_caller]
fn finds(promise: &str, history: &History) {
    let found = promises(history);
    assert!(found.contains(&promise), "{promise:?} is not among {found:?}");
}

#[track_caller]
fn finds_nothing(history: &History) {
    assert_eq!(judge(history), [], "nothing is wrong with it");
}

crate::trials! {
    fn a_history_as_it_should_be_is_found_in_order() {
        finds_nothing(&one(false));
        finds_nothing(&one(true));
    }

    fn a_timer_that_is_called_twice_is_found() {
        let mut history = one(false);
        history.calls.push(call(2, DUE + SECOND));
        finds("at_most_once is never called twice", &history);
    }

    fn an_attempt_that_calls_twice_is_found() {
        let mut history = one(true);
        history.calls.push(call(1, DUE + SECOND));
        finds("each attempt makes one call", &history);
    }

    fn a_call_after_a_success_is_found_unless_a_fault_explains_it() {
        let promise = "at_least_once is called again only if an answer or outcome was lost";
        let mut history = one(true);
        history.calls.push(call(2, DUE + 18 * SECOND));
        ended(&mut history, "delivered", vec![logged(2, "answered", Some(200))]);
        finds(promise, &history);
        history.faults.push(happened(What::KillNode { node: 1 }, DUE, DUE + SECOND));
        history.lives[1].ended = Some(Ended::Killed(DUE + 2_000));
        assert!(!promises(&history).contains(&promise));
    }

    fn a_claim_that_is_taken_over_is_found_unless_its_lease_was_over_by_the_clocks() {
        let promise = "every call of a claimant that lives has an outcome";
        let mut history = one(true);
        history.calls.push(Call { node: 2, ..call(2, DUE + SECOND) });
        let taker = Logged { node: "node-2.0".to_owned(), ..logged(2, "answered", Some(200)) };
        ended(&mut history, "delivered", vec![Logged { claimed_at: DUE + SECOND, ..taker.clone() }]);
        history.faults.push(happened(What::Clock { node: 2, ahead_ms: 20_000 }, DUE, DUE + SECOND));
        finds(promise, &history);
        ended(&mut history, "delivered", vec![Logged { claimed_at: DUE + 21 * SECOND, ..taker }]);
        finds_nothing(&history);
        history.items[0].at_least_once = false;
        finds(promise, &history);
    }

    fn a_last_attempt_that_was_given_up_is_found_unless_its_claimant_was_away_for_as_long_as_its_lease() {
        let mut history = one(true);
        history.items[0].max_attempts = 1;
        ended(&mut history, "failed", vec![]);
        history.end.timers[0].attempts = 1;
        history.faults.push(happened(What::StopNode { node: 1 }, DUE, DUE + 9 * SECOND));
        finds("every call of a claimant that lives has an outcome", &history);
        history.faults[0].ended = DUE + 19 * SECOND;
        finds_nothing(&history);
    }

    fn a_call_before_its_instant_is_found() {
        let mut history = one(false);
        history.calls[0].at = DUE - 1;
        finds("no call comes early", &history);
    }

    fn a_clock_that_is_ahead_excuses_its_own_node_by_as_much_as_it_is() {
        let mut history = one(false);
        history.calls[0].at = DUE - SECOND + 10;
        let set = |node, ahead_us| ClockSet { node, after: BEGAN, before: BEGAN, ahead_us };
        history.clocks = vec![set(1, SECOND as i64)];
        finds_nothing(&history);
        history.clocks = vec![set(1, SECOND as i64 - 20)];
        finds("no call comes early", &history);
        history.clocks = vec![set(0, SECOND as i64)];
        finds("no call comes early", &history);
    }

    fn a_claim_before_its_instant_is_found() {
        let mut history = one(false);
        history.end.timers[0].log[0].claimed_at = DUE - 1;
        finds("nothing is claimed early", &history);
    }

    fn a_call_before_the_instant_that_it_was_moved_to_is_found() {
        let mut history = one(false);
        history.requests.push(request(Asked::MoveTo(DUE + SECOND), BEGAN + SECOND, 200, "scheduled", 0));
        finds("no call comes early", &history);
        history.calls[0].at = DUE + SECOND;
        finds_nothing(&history);
    }

    fn a_call_at_the_old_instant_is_not_an_offence_if_no_client_was_told_of_another() {
        let mut history = one(false);
        let mut lost = request(Asked::MoveTo(DUE + SECOND), BEGAN + SECOND, 200, "scheduled", 0);
        lost.told = None;
        history.requests.push(lost);
        finds_nothing(&history);
        // The timer may have been moved to an earlier instant.
        history.requests[1].asked = Asked::MoveTo(DUE - SECOND);
        history.calls[0].at = DUE - SECOND;
        finds_nothing(&history);
    }

    fn a_timer_of_a_key_comes_no_sooner_than_all_that_were_asked_for_it() {
        let mut history = one(false);
        history.requests[0].told.as_mut().unwrap().status = 200;
        finds_nothing(&history);
        history.calls[0].at = DUE - 1;
        finds("no call comes early", &history);
    }

    fn a_timer_that_is_fired_now_may_come_at_once_and_not_before_it_was_asked_for() {
        let mut history = one(false);
        history.requests.push(request(Asked::Fire, BEGAN + SECOND, 202, "scheduled", 0));
        history.calls[0].at = BEGAN + SECOND + 100;
        finds_nothing(&history);
        history.calls[0].at = BEGAN + SECOND - 1;
        finds("no call comes early", &history);
    }

    fn a_call_of_what_was_cancelled_is_found() {
        let mut history = one(true);
        history.requests.push(request(Asked::Cancel, BEGAN + SECOND, 200, "cancelled", 0));
        ended(&mut history, "cancelled", vec![]);
        finds("what is cancelled is not called", &history);
        history.calls.clear();
        finds_nothing(&history);
    }

    fn a_timer_that_was_called_may_be_cancelled_before_its_next_attempt() {
        let mut history = one(true);
        history.calls[0].answered = Some(503);
        history.requests.push(request(Asked::Cancel, DUE + SECOND, 200, "cancelled", 1));
        ended(&mut history, "cancelled", vec![logged(1, "answered", Some(503))]);
        finds_nothing(&history);
    }

    fn a_timer_that_is_lost_is_found() {
        let mut history = one(false);
        history.end.timers.clear();
        finds("nothing that was acknowledged is lost", &history);
        finds("nothing is called that is not stored", &history);
    }

    fn a_timer_that_never_ends_is_found() {
        let mut history = one(false);
        ended(&mut history, "firing", vec![]);
        finds("every timer comes to its end", &history);
    }

    fn an_outcome_that_the_receiver_knows_nothing_of_is_found() {
        for (result, status) in [("answered", Some(204)), ("not_sent", None), ("no_answer", None)] {
            let mut history = one(false);
            history.end.timers[0].log = vec![logged(1, result, status)];
            history.end.timers[0].log[0].finished_at = DUE + 3 * SECOND;
            finds("an attempt's outcome is what the receiver saw", &history);
        }
        let mut history = one(false);
        history.calls.clear();
        finds("an attempt's outcome is what the receiver saw", &history);
        // An answer that came just as the attempt was given up is too late.
        let mut history = one(false);
        ended(&mut history, "failed", vec![logged(1, "no_answer", None)]);
        history.end.timers[0].log[0].finished_at = DUE + 3 * SECOND;
        finds("an attempt's outcome is what the receiver saw", &history);
        history.calls[0].answered_at = DUE + 3 * SECOND;
        finds_nothing(&history);
        // A node that took the timer over from a killed claimant cannot know of the answer either.
        history.calls[0].answered_at = DUE;
        history.lives[1].ended = Some(Ended::Killed(DUE + 4 * SECOND));
        finds("an attempt's outcome is what the receiver saw", &history);
        history.lives[1].ended = Some(Ended::Killed(DUE + SECOND));
        finds_nothing(&history);
        // A claimant that was cut off from NATS until another node had tried again cannot store it either.
        let mut history = one(true);
        history.calls.push(call(2, DUE + 16 * SECOND));
        ended(&mut history, "delivered", vec![logged(1, "no_answer", None), logged(2, "answered", Some(200))]);
        let log = &mut history.end.timers[0].log;
        (log[0].finished_at, log[1].claimed_at) = (DUE + 15 * SECOND, DUE + 15 * SECOND);
        finds("an attempt's outcome is what the receiver saw", &history);
        let parted = What::Link { node: 1, to: Peer::Servers, how: LinkTrouble::Cut };
        history.faults.push(happened(parted, DUE, DUE + 14 * SECOND));
        finds_nothing(&history);
    }

    fn a_failure_that_should_have_been_tried_again_is_found() {
        let mut history = one(true);
        history.calls[0].answered = Some(503);
        ended(&mut history, "failed", vec![logged(1, "answered", Some(503))]);
        finds("every timer ends as promised", &history);
        history.items[0].max_attempts = 1;
        finds_nothing(&history);
    }

    fn an_unknown_timer_is_found_unless_its_claimant_was_killed() {
        let mut history = one(false);
        ended(&mut history, "unknown", vec![]);
        history.end.timers[0].claimed_by = Some("node-1.0".to_owned());
        finds("every timer ends as promised", &history);
        finds("every call of a claimant that lives has an outcome", &history);
        history.lives[1].ended = Some(Ended::Stopped(DUE + SECOND));
        finds("every timer ends as promised", &history);
        history.lives[1].ended = Some(Ended::Killed(DUE + SECOND));
        finds_nothing(&history);
        // A timer that may be called again is never unknown.
        history.items[0].at_least_once = true;
        finds("every timer ends as promised", &history);
    }

    fn a_key_that_makes_two_timers_is_found() {
        let mut history = one(false);
        history.requests.push(request(Asked::Create, BEGAN, 201, "scheduled", 0));
        finds("a key's timer is created once", &history);
        // A server with a full disk loses writes that it has just acknowledged.
        history.faults.push(happened(What::FillDisk { which: Which::All }, BEGAN, BEGAN + SECOND));
        finds_nothing(&history);
        let mut history = one(false);
        history.calls[0].id = "id-1".to_owned();
        finds("what is asked for once is one timer", &history);
    }

    fn an_answer_that_goes_back_is_found() {
        let mut history = one(false);
        history.requests.push(request(Asked::Read, DUE + SECOND, 200, "delivered", 1));
        history.requests.push(request(Asked::Read, DUE + 2 * SECOND, 200, "firing", 1));
        finds("answers do not go back", &history);
        let mut history = one(false);
        let mut gone = request(Asked::Read, BEGAN + SECOND, 404, "", 0);
        gone.told.as_mut().unwrap().timer = None;
        history.requests.push(gone);
        finds("what was acknowledged is there", &history);
    }

    fn an_end_that_does_not_last_is_found() {
        let mut history = one(false);
        history.requests.push(request(Asked::Cancel, BEGAN + SECOND, 200, "cancelled", 0));
        finds("what is over stays over", &history);
    }

    fn a_wrong_answer_is_found() {
        for wrong in [
            request(Asked::Cancel, BEGAN + SECOND, 200, "scheduled", 0),
            request(Asked::Cancel, BEGAN + SECOND, 409, "scheduled", 0),
            request(Asked::Read, BEGAN + SECOND, 500, "scheduled", 0),
        ] {
            let mut history = one(false);
            history.requests.push(wrong);
            finds("answers are definite", &history);
        }
    }

    fn an_end_that_is_not_quiet_is_found() {
        let mut history = one(false);
        history.end.wakes.push(format!("timers.fire.{ID}"));
        finds("no wake is left", &history);
        let mut history = one(false);
        history.end.pending = 1;
        finds("no wake is left", &history);
        let mut history = one(false);
        history.calls.push(call(2, history.end.quiet_at + 1));
        finds("no call comes after the end, and none without a timer", &history);
        let mut history = one(false);
        history.end.ready[2] = 503;
        finds("every node gets ready again", &history);
        let mut history = one(false);
        history.end.never = Some("a reason".to_owned());
        finds("everything gets quiet", &history);
    }

    fn a_wake_that_a_sweep_had_to_arm_is_found_unless_a_clock_was_off() {
        let mut history = one(false);
        history.end.swept.insert("orphan".to_owned(), 1);
        finds_nothing(&history);
        history.end.swept.insert("unwatched".to_owned(), 1);
        finds("sweeps find nothing to repair", &history);
        history.faults.push(happened(What::Clock { node: 0, ahead_ms: 1_000 }, DUE, DUE));
        finds_nothing(&history);
    }

    fn a_ledger_that_is_not_balanced_is_found() {
        let mut history = one(false);
        history.end.counts.insert("delivered".to_owned(), 2);
        finds("the ledger is balanced", &history);
        let mut history = one(false);
        history.end.imbalances = vec![0.0, 1.0];
        finds("the ledger is balanced", &history);
        history.end.imbalances = vec![0.0];
        finds_nothing(&history);
        let mut history = one(false);
        history.end.timers[0].item = None;
        finds("nothing is made up", &history);
    }

    fn a_node_that_ends_by_itself_is_found() {
        let mut history = one(false);
        history.lives[2].ended = Some(Ended::Died(DUE));
        finds("no node ends by itself", &history);
    }
}
