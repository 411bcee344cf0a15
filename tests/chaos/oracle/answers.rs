//! Answers to clients are true: an acknowledged timer exists, a finished one stays finished, and a refused request was too late.

use super::{Violation, broken, restored};
use crate::history::{Asked, History, Request, Seen};

pub(super) fn judge(history: &History, item: usize, found: &mut Vec<Violation>) {
    let told: Vec<(&Request, &Seen)> = history
        .requests_of(item)
        .filter_map(|request| Some((request, request.told.as_ref()?.timer.as_ref()?)))
        .collect();
    for request in history.requests_of(item) {
        expected(request, found);
    }
    for (earlier, was) in &told {
        let end = history.ends_of(item).find(|timer| timer.id == was.id);
        if let Some(end) = end
            && !may_become(&was.state, &end.state)
            && !restored::is_brought_back(history, end)
            && !restored::cancel_is_undone(history, earlier)
        {
            let how = format!("{} has become {}", was.state, end.state);
            broken(found, item, "what is over stays over", how);
        }
        let Some(at) = earlier.told.as_ref().map(|told| told.at) else { continue };
        for later in history.requests_of(item).filter(|later| later.sent > at) {
            match later.told.as_ref() {
                Some(told) if told.status == 404 && restored::outlasts_its_timer(history, later) => {}
                Some(told) if told.status == 404 => {
                    let how = format!("{:?} at node {} is answered 404", later.asked, later.node);
                    broken(found, item, "what was acknowledged is there", how);
                }
                Some(told) => {
                    let is = told.timer.as_ref().map(|timer| timer.state.as_str());
                    if is.is_some_and(|is| !may_become(&was.state, is)) {
                        let how = format!(
                            "{} at node {}, then {is:?} at node {}",
                            was.state, earlier.node, later.node
                        );
                        broken(found, item, "answers do not go back", how);
                    }
                }
                None => {}
            }
        }
    }
}

/// Checks that a request got an answer that is possible for it.
fn expected(request: &Request, found: &mut Vec<Violation>) {
    let Some(told) = &request.told else { return };
    let state = told.timer.as_ref().map(|timer| timer.state.as_str());
    let fits = match (request.asked, told.status) {
        (Asked::Create, 201 | 200) | (Asked::Read, 200) => state.is_some(),
        (Asked::Cancel, 200) => state == Some("cancelled"),
        (Asked::MoveTo(to), 200) => told.timer.as_ref().is_some_and(|timer| timer.due_at == to),
        (Asked::Fire, 202) => state == Some("scheduled"),
        // Too late, or over.
        (Asked::Cancel | Asked::MoveTo(_) | Asked::Fire, 409) => {
            matches!(state, Some("firing" | "delivered" | "failed" | "unknown" | "cancelled"))
        }
        // Other checks judge it, by the earlier answers.
        (Asked::Create | Asked::Read | Asked::Cancel | Asked::MoveTo(_) | Asked::Fire, 404) => true,
        _ => false,
    };
    if !fits {
        let how = format!("{:?} is answered {} with {state:?}", request.asked, told.status);
        broken(found, request.item, "answers are definite", how);
    }
}

/// Whether a timer in the first state may be seen in the second one later.
fn may_become(first: &str, second: &str) -> bool {
    match first {
        "scheduled" | "firing" => true,
        // Its claimant is alive, and replaces the state.
        "unknown" => second != "cancelled",
        _ => first == second,
    }
}
