//! The events of one timer in order, for a person who wants to find out why a promise was broken.

use std::fmt::Write as _;

use crate::history::{Call, Final, History, Micros, Request};

/// The story, with one event in each line, in milliseconds since the load began.
pub(crate) fn of(history: &History, item: usize) -> String {
    let since = |at: Micros| at as i64 / 1_000 - history.began as i64 / 1_000;
    let mut lines: Vec<(Micros, String)> = vec![];
    for request in history.requests_of(item) {
        let until = request.told.as_ref().map_or("?".to_owned(), |told| since(told.at).to_string());
        let text = format!("{}..{until} {}", since(request.sent), asked(request, since));
        lines.push((request.sent, text));
    }
    for call in history.calls_of(item) {
        lines.push((call.at, format!("{} {}", since(call.at), called(call, since))));
    }
    for timer in history.ends_of(item) {
        lines.push((Micros::MAX, ended(timer, since)));
    }
    lines.sort();
    let mut text = format!("  timer {item}: {:?}\n", history.items.get(item));
    for (_, line) in lines {
        let _ = writeln!(text, "    {line}");
    }
    text
}

fn asked(request: &Request, since: impl Fn(Micros) -> i64) -> String {
    let told = request.told.as_ref().map_or("not answered".to_owned(), |told| match &told.timer {
        Some(timer) => format!(
            "{} {} {}, due {}, {} attempts",
            told.status,
            timer.id,
            timer.state,
            since(timer.due_at),
            timer.attempts
        ),
        None => told.status.to_string(),
    });
    format!("{:?} at node {}: {told}", request.asked, request.node)
}

fn called(call: &Call, since: impl Fn(Micros) -> i64) -> String {
    let answered = call.answered.map(|status| format!("answered {status} at {}", since(call.answered_at)));
    let answered = answered.unwrap_or("not answered".to_owned());
    format!("attempt {} of {} by node {}: {answered}", call.attempt, call.id, call.node)
}

fn ended(timer: &Final, since: impl Fn(Micros) -> i64) -> String {
    let mut text =
        format!("at the end {}, {} attempts, claimed by {:?}", timer.state, timer.attempts, timer.claimed_by);
    for logged in &timer.log {
        let _ = write!(
            text,
            "; {} by {}, due {}, claimed {}, finished {} by its clock: {} {:?}",
            logged.number,
            logged.node,
            since(logged.due_at),
            since(logged.claimed_at),
            since(logged.finished_at),
            logged.result,
            logged.status
        );
    }
    text
}
