//! No call comes before its instant by its node's clock, given how clock and timer were moved; and no call comes after a cancel.

use super::{Violation, broken, clock, restored};
use crate::history::{Asked, Call, History, Micros, Request};
use crate::plan::Due;

/// A request that made the timer due at an instant.
struct Setter<'a> {
    request: &'a Request,
    /// The timer is not due before this instant.
    due: Micros,
    /// How many attempts had started when it was carried out; `None` if the run does not know whether it was.
    attempts: Option<u32>,
}

pub(super) fn judge(history: &History, item: usize, found: &mut Vec<Violation>) {
    let setters: Vec<Setter<'_>> =
        history.requests_of(item).filter_map(|request| setter(history, request)).collect();
    for call in history.calls_of(item) {
        if !setters.iter().any(|setter| in_force(setter, &setters, call) && due(history, setter, call)) {
            let how = format!("attempt {}, by node {}", call.attempt, call.node);
            broken(found, item, "no call comes early", how);
        }
        for cancel in history.requests_of(item).filter(|request| request.asked == Asked::Cancel) {
            let attempts = cancel.told(200).and_then(|told| Some(told.timer.as_ref()?.attempts));
            let is_undone = restored::cancel_is_undone(history, cancel);
            if attempts.is_some_and(|attempts| call.attempt > attempts) && !is_undone {
                let how = format!("attempt {}, by node {}", call.attempt, call.node);
                broken(found, item, "what is cancelled is not called", how);
            }
        }
    }
    for logged in history.ends_of(item).flat_map(|timer| &timer.log) {
        // The instant of a claim comes from the same clock as the instant that it is compared with.
        if logged.claimed_at < logged.due_at {
            let early_us = logged.due_at - logged.claimed_at;
            let how = format!("attempt {} by {}, {early_us} µs early", logged.number, logged.node);
            broken(found, item, "nothing is claimed early", how);
        }
    }
}

fn setter<'a>(history: &'a History, request: &'a Request) -> Option<Setter<'a>> {
    let item = &history.items[request.item];
    let told = request.told.as_ref();
    let done = told.and_then(|told| told.timer.as_ref()).map(|timer| timer.attempts);
    let refused = told.is_some_and(|told| !matches!(told.status, 200..=299));
    if refused {
        return None;
    }
    match request.asked {
        Asked::Create => {
            let asked = match item.due {
                Due::DelayMs(delay) => {
                    clock::earliest(history, request.node, request.sent, Micros::MAX)
                        + Micros::from(delay) * 1_000
                }
                Due::AtMs(at) => history.began + Micros::from(at) * 1_000,
            };
            // The answer's instant counts, or the requested one if that is later.
            let told = request.told(201).and_then(|told| told.timer.as_ref()).map(|timer| timer.due_at);
            // 200 means that the timer exists already; an unanswered try of this request may have created it.
            let attempts = done.filter(|_| request.told(201).is_some());
            Some(Setter { request, due: told.unwrap_or(asked).max(asked), attempts })
        }
        Asked::MoveTo(to) => Some(Setter { request, due: to, attempts: done }),
        // The timer may be called at once, and the requests before stay in force.
        Asked::Fire => Some(Setter { request, due: 0, attempts: None }),
        Asked::Read | Asked::Cancel => None,
    }
}

/// Whether the call can rest on this request: it was sent by then, and no later request had replaced it when the call was claimed.
fn in_force(setter: &Setter<'_>, setters: &[Setter<'_>], call: &Call) -> bool {
    let replaced_by = |later: &Setter<'_>| {
        let after = setter.request.told.as_ref().is_some_and(|told| told.at <= later.request.sent);
        let before_the_call = later.attempts.is_some_and(|attempts| attempts < call.attempt);
        after && before_the_call
    };
    setter.request.sent <= call.at && !setters.iter().any(replaced_by)
}

fn due(history: &History, setter: &Setter<'_>, call: &Call) -> bool {
    clock::latest(history, call.node, setter.request.sent, call.at) >= setter.due
}
