//! A broker that forgets excuses the necessary effects, and no others.

use super::{BEGAN, DUE, ID, SECOND, ended, finds, finds_nothing, happened, logged, one, request};
use crate::history::{Asked, Backup, History, Micros};
use crate::plan::{Copied, Due, Nodes, What};

const KILLED: What = What::KillAfterLeaving { run: 1, nodes: Nodes::Live };
const RESTORED: What = What::RestoreBackup { copied: Copied::Stopped, nodes: Nodes::Live };
const BROUGHT_BACK: &str = "it was restored by the broker or from a backup";

/// A history in which the timer has left, and finished timers stay for this long.
fn left(retention: Micros) -> History {
    let mut history = one(false);
    history.end.timers.clear();
    history.end.counts.values_mut().for_each(|count| *count = 0);
    history.retention = Some(retention);
    history.faults.push(happened(KILLED, DUE + 5 * SECOND, DUE + 6 * SECOND));
    history
}

/// Adds a restore: data of the first instant was put back at the second.
fn put_back(history: &mut History, made: Micros, back: Micros) {
    history.backups.push(Backup { made: (made, made + 1_000), back: (back, back + 1_000) });
    history.faults.push(happened(RESTORED, made, back + 1_000));
}

crate::trials! {
    fn a_timer_that_is_over_may_leave_and_not_sooner_than_its_retention() {
        finds_nothing(&left(2 * SECOND));
        let promise = "nothing that was acknowledged is lost";
        finds(promise, &left(60 * SECOND));
        let mut history = left(2 * SECOND);
        history.calls.clear();
        finds(promise, &history);
        history.requests.push(request(Asked::Cancel, BEGAN + SECOND, 200, "cancelled", 0));
        finds_nothing(&history);
        let mut history = left(2 * SECOND);
        history.retention = None;
        finds(promise, &history);
    }

    fn a_cancel_that_is_answered_404_is_found_unless_it_took_as_long_as_finished_timers_stay() {
        let mut history = left(2 * SECOND);
        history.calls.clear();
        let mut late = request(Asked::Cancel, BEGAN + SECOND, 404, "", 0);
        late.told.as_mut().unwrap().timer = None;
        history.requests.push(late);
        finds("what was acknowledged is there", &history);
        history.requests[1].told.as_mut().unwrap().at = BEGAN + 4 * SECOND;
        finds_nothing(&history);
    }

    fn a_cancelled_timer_that_waits_again_is_found() {
        let mut history = one(false);
        history.items[0].due = Due::AtMs(18_000_000);
        history.calls.clear();
        ended(&mut history, "scheduled", vec![]);
        finds_nothing(&history);
        history.retention = Some(2 * SECOND);
        history.faults.push(happened(KILLED, DUE, DUE + SECOND));
        history.requests.push(request(Asked::Cancel, BEGAN + SECOND, 200, "cancelled", 0));
        finds("what is over stays over", &history);
    }

    fn only_a_timer_that_is_due_after_the_run_may_wait_at_its_end() {
        let mut history = one(false);
        history.calls.clear();
        ended(&mut history, "scheduled", vec![]);
        finds("every timer comes to its end", &history);
    }

    fn a_timer_that_was_brought_back_is_unknown_where_a_fault_can_have_done_that_and_it_says_so() {
        let promise = "every timer ends as promised";
        for what in [KILLED, RESTORED] {
            let mut history = one(false);
            ended(&mut history, "unknown", vec![]);
            history.end.timers[0].reason = BROUGHT_BACK.to_owned();
            finds(promise, &history);
            history.faults.push(happened(what, DUE + 3 * SECOND, DUE + 4 * SECOND));
            finds_nothing(&history);
            assert_eq!(super::super::brought_back(&history), 1);
            history.end.timers[0].reason = "its call has no known outcome".to_owned();
            finds(promise, &history);
        }
    }

    fn a_timer_that_was_brought_back_and_called_is_found() {
        let mut history = one(false);
        history.faults.push(happened(KILLED, DUE + 3 * SECOND, DUE + 4 * SECOND));
        history.calls.push(super::call(1, DUE + 5 * SECOND));
        finds("at_most_once is never called twice", &history);
    }

    fn a_timer_that_was_created_after_the_backup_may_be_gone_and_no_other() {
        let mut history = one(false);
        history.end.timers.clear();
        history.end.counts.values_mut().for_each(|count| *count = 0);
        put_back(&mut history, BEGAN - SECOND, DUE + SECOND);
        finds_nothing(&history);
        // A timer that has left is not called.
        history.calls[0].at = DUE + 2 * SECOND;
        finds("nothing is called that is not stored", &history);
        history.calls.clear();
        history.backups[0].made = (BEGAN + SECOND, BEGAN + SECOND);
        finds("nothing that was acknowledged is lost", &history);
        history.backups[0] = Backup { made: (BEGAN - 2 * SECOND, BEGAN), back: (BEGAN - 2, BEGAN - 1) };
        finds("nothing that was acknowledged is lost", &history);
    }

    fn a_cancel_after_the_backup_is_undone_and_holds_anyway_if_it_was_due_before_the_restore() {
        let mut history = one(false);
        history.requests.push(request(Asked::Cancel, BEGAN + SECOND, 200, "cancelled", 0));
        put_back(&mut history, BEGAN + SECOND / 2, DUE - SECOND / 4);
        finds_nothing(&history);
        history.backups[0].back = (DUE + 1, DUE + 2);
        finds("what is cancelled is not called", &history);
        history.backups[0] = Backup { made: (BEGAN + SECOND * 3 / 2, BEGAN + SECOND * 3 / 2), back: (DUE, DUE) };
        finds("what is cancelled is not called", &history);
    }

    fn a_backup_of_a_claim_excuses_that_its_outcome_is_not_known() {
        let mut history = one(false);
        ended(&mut history, "unknown", vec![]);
        put_back(&mut history, DUE + 1_500, DUE + 5 * SECOND);
        finds_nothing(&history);
        history.backups[0].made = (DUE + 4 * SECOND, DUE + 4 * SECOND);
        finds("every timer ends as promised", &history);
    }

    fn a_list_that_is_not_what_is_there_is_found() {
        let mut history = one(false);
        history.end.wrong_lists.push(format!("{ID} is there, and not in the list"));
        finds("a list has what is there", &history);
    }

    fn what_a_call_of_another_timer_came_to_excuses_nothing() {
        let mut history = left(2 * SECOND);
        history.calls[0].id = "id-1".to_owned();
        finds("nothing that was acknowledged is lost", &history);
        let mut history = one(false);
        ended(&mut history, "unknown", vec![logged(1, "answered", Some(200))]);
        put_back(&mut history, BEGAN, BEGAN + SECOND);
        finds("every timer ends as promised", &history);
    }
}
