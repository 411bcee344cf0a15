//! At the end no timer is missing, the counts add up, and all is quiet.

use std::collections::{BTreeMap, HashMap};

use super::{Violation, broken, restored};
use crate::history::{Call, Ended, Final, History};
use crate::look::may_linger;
use crate::plan::What;

/// Checks that each acknowledged timer exists, and that each called timer is stored.
pub(super) fn judge_item(history: &History, item: usize, found: &mut Vec<Violation>) {
    let is_there = |id: &str| history.ends_of(item).any(|timer| timer.id == id);
    for request in history.requests_of(item) {
        let told = request.told.as_ref().filter(|told| matches!(told.status, 200..=299));
        if let Some(timer) = told.and_then(|told| told.timer.as_ref())
            && !is_there(&timer.id)
            && !restored::may_be_gone(history, item, &timer.id, history.end.quiet_at)
        {
            broken(
                found,
                item,
                "nothing that was acknowledged is lost",
                format!("{} of {:?}", timer.id, request.asked),
            );
        }
    }
    let may_be_gone = |call: &Call| {
        restored::has_left(history, item, &call.id, history.end.quiet_at)
            || (restored::was_never_created(history, item, &call.id)
                && restored::was_called_before(history, call))
    };
    for call in history.calls_of(item).filter(|call| !is_there(&call.id) && !may_be_gone(call)) {
        broken(found, item, "nothing is called that is not stored", call.id.clone());
    }
    let goes_on = |timer: &&Final| match timer.state.as_str() {
        "scheduled" => !history.items[item].is_far(),
        state => state == "firing",
    };
    for timer in history.ends_of(item).filter(goes_on) {
        broken(found, item, "every timer comes to its end", timer.state.clone());
    }
}

/// Checks that the counts add up and all is quiet.
pub(super) fn judge(history: &History, found: &mut Vec<Violation>) {
    let end = &history.end;
    for complaint in &history.complaints {
        broken(
            found,
            None,
            "answers are as the OpenAPI document says, and permissions suffice",
            complaint.clone(),
        );
    }
    if let Some(why) = &end.never {
        broken(found, None, "everything gets quiet", why.clone());
    }
    for life in history.lives.iter().filter(|life| matches!(life.ended, Some(Ended::Died(_)))) {
        broken(found, None, "no node ends by itself", format!("{life:?}"));
    }
    if end.ready.iter().any(|status| *status != 200) {
        broken(found, None, "every node gets ready again", format!("{:?}", end.ready));
    }
    for call in history.calls.iter().filter(|call| call.at > end.quiet_at || call.item.is_none()) {
        broken(
            found,
            call.item,
            "no call comes after the end, and none without a timer",
            format!("{call:?}"),
        );
    }
    let states: HashMap<&str, &str> =
        end.timers.iter().map(|timer| (timer.id.as_str(), timer.state.as_str())).collect();
    for subject in end.wakes.iter().filter(|subject| !may_linger(subject, &states)) {
        broken(found, None, "no wake is left", subject.clone());
    }
    if end.pending > 0 {
        broken(found, None, "no wake is left", format!("{} wait for a worker", end.pending));
    }
    if let Some(wrong) = end.wrong_lists.first() {
        let how = format!("{wrong}, and {} more", end.wrong_lists.len() - 1);
        broken(found, None, "a list has what is there", how);
    }
    sweeps(history, found);
    ledger(history, found);
}

/// Checks that sweeps found nothing. Sweeps repair accidental losses, and none of these faults may lose a wake, so any finding is a
/// bug that the sweep would hide. A node whose clock is off takes timers for overdue, which is harmless; a wake without a record is
/// harmless, too. Where the broker forgets, records and wakes are of different instants, and the findings are reported.
fn sweeps(history: &History, found: &mut Vec<Violation>) {
    let clocks = history.faults.iter().any(|fault| matches!(fault.fault.what, What::Clock { .. }));
    let lost = history.end.swept.keys().any(|kind| kind != "orphan");
    let forgets = history.faults.iter().any(|fault| fault.fault.what.has_a_load());
    if lost && !clocks && !forgets {
        broken(found, None, "sweeps find nothing to repair", format!("{:?}", history.end.swept));
    }
}

/// Checks that each timer is in one state and that all are counted.
fn ledger(history: &History, found: &mut Vec<Violation>) {
    let end = &history.end;
    if end.imbalances.iter().any(|missing| *missing != 0.0) {
        broken(found, None, "the ledger is balanced", format!("{:?} are missing, say nodes", end.imbalances));
    }
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    for timer in &end.timers {
        *states.entry(&timer.state).or_default() += 1;
        if timer.item.is_none_or(|item| item >= history.items.len()) {
            broken(found, None, "nothing is made up", format!("{timer:?}"));
        }
    }
    let all = ["scheduled", "firing", "delivered", "failed", "unknown", "cancelled"];
    let balanced = all.iter().all(|state| end.counts.get(*state) == Some(states.get(state).unwrap_or(&0)));
    if !balanced || end.counts.get("total") != Some(&(end.timers.len() as u64)) {
        broken(
            found,
            None,
            "the ledger is balanced",
            format!("counted {:?}, and there are {states:?}", end.counts),
        );
    }
}
