//! Timers that are late, and whether they wait for their receivers or for jettimer.

use super::Check;
use crate::node::sweep::late::{Count, Late};

/// The number of receivers that are named.
const NAMED: usize = 5;

/// The checks of timers that are late.
pub(super) fn of_late(late: &Late) -> Vec<Check> {
    let counts = late.counts();
    let held_up = named(&counts, |count| count.held_up, true);
    let other = named(&counts, |count| count.late - count.held_up, false);
    let of_receivers = held_up.map(|says| {
        Check::finding(
            "receivers",
            says,
            "These timers wait for their receivers, and are called once these recover or have room. GET /receivers of \
             each worker tells more, and so does waiting_for in GET /timer/{id}. If a receiver does not recover, ask \
             its operator; cancel timers that are no longer wanted.",
        )
    });
    let of_jettimer = other.map(|says| {
        Check::finding(
            "late",
            says,
            "No node reports that their receivers have no room. Do workers run, do they reach NATS, are all places \
             taken (jettimer_calls_in_progress)? A backlog that is being worked off shrinks from one run of the doctor \
             to the next.",
        )
    });
    of_receivers.into_iter().chain(of_jettimer).collect()
}

/// The number of those timers and their receivers; `None` if there are none.
fn named(counts: &[(String, Count)], of: impl Fn(&Count) -> usize, with_reason: bool) -> Option<String> {
    let mut some: Vec<_> = counts.iter().filter(|(_, count)| of(count) > 0).collect();
    some.sort_by_key(|(_, count)| std::cmp::Reverse(of(count)));
    let all: usize = some.iter().map(|(_, count)| of(count)).sum();
    let names = some.iter().take(NAMED).map(|(receiver, count)| {
        let reason = count.reason.filter(|_| with_reason).map_or("", |reason| reason.name());
        let comma = if reason.is_empty() { "" } else { ", " };
        format!("{receiver} ({}{comma}{reason})", of(count))
    });
    let names = names.collect::<Vec<_>>().join(", ");
    let more = some.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    (all > 0).then(|| format!("{all} timers are late: {names}{more}"))
}
