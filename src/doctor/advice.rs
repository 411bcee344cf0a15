//! The meaning of each finding of a sweep, and what to do about it.

use super::{Check, Status};
use crate::sweep::findings::{Kind, Tally};

/// The check for a kind of finding, after a sweep that repairs or does not.
pub(super) fn of(kind: Kind, tally: &Tally, repair: bool) -> Check {
    let (what, means) = explained(kind);
    let repaired = repair && !kind.stays();
    let (status, what_to_do) = match (repaired, kind.stays()) {
        (true, _) => (Status::Repaired, ""),
        (false, true) => (Status::Finding, ""),
        (false, false) => (Status::Finding, " Repair it with --repair, or let a node that runs do it."),
    };
    let name = format!("timers.{}", kind.name());
    let timers = tally.examples.iter().map(ToString::to_string).collect();
    let advice = Some(format!("{means}{what_to_do}"));
    Check { name, status, says: format!("{} {what}", tally.count), advice, timers }
}

fn explained(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Overdue => (
            "overdue without a wake",
            "They should have been called, and nothing on TIMERS makes a worker look at them: their messages were purged, \
             deleted or lost.",
        ),
        Kind::Unarmed => (
            "waiting without a wake in time",
            "Nothing on TIMERS would call them at their instant: their messages were purged, deleted or lost.",
        ),
        Kind::Unwatched => (
            "claimed, and watched by nobody",
            "If the node that calls is dead, nobody notices: the message in its hands was removed from TIMERS.",
        ),
        Kind::Restored => (
            "brought back though they must have been over",
            "A single nats-server was killed and brought older records back, or NATS' data comes from a backup. A node that \
             runs makes these timers unknown and does not call them. Replay those that are missed with POST /timers/replay.",
        ),
        Kind::Untold => (
            "ended just before the wakes were lost",
            "Their callbacks may not have been made; woken, they are made unless they were.",
        ),
        Kind::Orphan => (
            "wakes of no timer",
            "Left by creations that were cut off before they were promised, or by timers that are long over. They call \
             nobody and take room; if there are many, records were removed: see the ledger in docs/metrics.md.",
        ),
        Kind::Removed => (
            "records removed by hand",
            "Somebody ran nats kv del or purge: these timers are lost and are not called. Create them again if they are \
             missed; nats kv purge-deletes forgets that they were there.",
        ),
        Kind::Unreadable => (
            "records that this version cannot read",
            "A newer jettimer has written them, or something that is none. Nodes of this version leave them alone: upgrade \
             all nodes, or look at them with nats kv get timers ID.",
        ),
        Kind::BucketMissing
        | Kind::BucketTurnedBack
        | Kind::WakesMissing
        | Kind::ConsumerMissing
        | Kind::EventsMissing
        | Kind::SweepMissing => ("of what timers need is missing", "See the streams above."),
    }
}
