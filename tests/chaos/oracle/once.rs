//! No receiver is called too often, and no key makes two timers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Violation, broken, excuse};
use crate::history::{Asked, Call, History};

pub(super) fn judge(history: &History, item: usize, found: &mut Vec<Violation>) {
    let at_least_once = history.items[item].at_least_once;
    let mut by_id: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in history.calls_of(item) {
        by_id.entry(&call.id).or_default().push(call);
    }
    for (id, calls) in &by_id {
        if !at_least_once && calls.len() > 1 {
            let how = format!("{id} was called {} times: {calls:?}", calls.len());
            broken(found, item, "at_most_once is never called twice", how);
        }
        let numbers: BTreeSet<u32> = calls.iter().map(|call| call.attempt).collect();
        if numbers.len() < calls.len() || numbers.contains(&0) {
            broken(found, item, "each attempt makes one call", format!("{id}: {calls:?}"));
        }
        for (earlier, later) in calls.iter().zip(calls.iter().skip(1)) {
            let delivered = earlier.answered.is_some_and(|status| status / 100 == 2);
            let (from, to) = (earlier.at, later.at);
            // `attempts` judges whether the answer could get lost.
            let unheard = outcomes(history, item, earlier.attempt).any(|result| result == "no_answer");
            let unknown = outcomes(history, item, earlier.attempt).next().is_none();
            let excused = unheard || (unknown && excuse::outcome_late(history, earlier.node, from, to));
            if at_least_once && delivered && !excused {
                let how = format!("{id} was called again without a reason: {earlier:?}, {later:?}");
                broken(
                    found,
                    item,
                    "at_least_once is called again only if an answer or outcome was lost",
                    how,
                );
            }
        }
    }
    one_timer(history, item, by_id.keys().copied(), found);
}

/// The results of an attempt in the timer's log.
fn outcomes(history: &History, item: usize, attempt: u32) -> impl Iterator<Item = &str> {
    let logs = history.ends_of(item).flat_map(|timer| &timer.log);
    logs.filter(move |logged| logged.number == attempt).map(|logged| logged.result.as_str())
}

/// Checks that there is at most one timer, however often and at whichever nodes it was requested.
fn one_timer<'a>(
    history: &'a History,
    item: usize,
    called: impl Iterator<Item = &'a str>,
    found: &mut Vec<Violation>,
) {
    let told = history.requests_of(item).filter_map(|request| request.told.as_ref()?.timer.as_ref());
    let mut ids: BTreeSet<&str> = told.map(|timer| timer.id.as_str()).collect();
    ids.extend(called);
    ids.extend(history.ends_of(item).map(|timer| timer.id.as_str()));
    if ids.len() > 1 {
        broken(found, item, "what is asked for once is one timer", format!("item {item}: {ids:?}"));
    }
    let made: Vec<_> = history.requests_of(item).filter(|request| request.told(201).is_some()).collect();
    let from = made.iter().map(|request| request.sent).min().unwrap_or_default();
    let to = made.iter().filter_map(|request| request.told.as_ref()).map(|told| told.at).max();
    // NATS lost the first timer again.
    let is_excused = excuse::acknowledged_lost(history, from, to.unwrap_or_default());
    if made.len() > 1 && !is_excused {
        broken(
            found,
            item,
            "a key's timer is created once",
            format!("{} requests of {ids:?} were answered 201", made.len()),
        );
    }
    let asked = history.requests_of(item).any(|request| request.asked == Asked::Create);
    if !asked && !ids.is_empty() {
        broken(found, item, "nothing is made up", format!("{ids:?} was never asked for"));
    }
}
