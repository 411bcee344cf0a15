//! The meaning of each finding of a sweep, and what to do about it.

use super::{Check, Status};
use crate::node::sweep::findings::{FindingKind, Tally};

/// The check for a kind of finding, after a sweep that repairs or does not.
pub(super) fn of(kind: FindingKind, tally: &Tally, repair: bool) -> Check {
    let (what, means) = explained(kind);
    let repaired = repair && !kind.stays();
    let (status, what_to_do) = match (repaired, kind.stays()) {
        (true, _) => (Status::Repaired, ""),
        (false, true) => (Status::Finding, ""),
        (false, false) => (Status::Finding, " Repair it with --repair, or let a running node do it."),
    };
    let name = format!("timers.{}", kind.name());
    let timers = tally.examples.iter().map(ToString::to_string).collect();
    let advice = Some(format!("{means}{what_to_do}"));
    Check { name, status, says: format!("{} {what}", tally.count), advice, timers }
}

fn explained(kind: FindingKind) -> (&'static str, &'static str) {
    match kind {
        FindingKind::Overdue => (
            "overdue without a wake",
            "They should have been called, but no message on TIMERS makes a worker look at them: their messages were \
             purged, deleted or lost.",
        ),
        FindingKind::Unarmed => (
            "waiting without a wake in time",
            "No message on TIMERS would wake a worker at their instant: their messages were purged, deleted or lost.",
        ),
        FindingKind::Unwatched => (
            "claimed, and not watched",
            "If the calling node dies, no other node notices: the message that it works on was removed from TIMERS.",
        ),
        FindingKind::Restored => (
            "brought back although they must have ended before",
            "A single nats-server was killed and brought older records back, or NATS' data comes from a backup. A \
             running node makes these timers unknown and does not call them. Replay the ones that you need with POST \
             /timers/replay.",
        ),
        FindingKind::Untold => (
            "ended just before the wakes were lost",
            "Their callbacks may not have been created; waking the timers creates the missing ones.",
        ),
        FindingKind::Orphan => (
            "wakes without a timer",
            "Left by creations that were interrupted before they were confirmed, or by timers that ended long ago. \
             They cause no calls, but take up room; if there are many, records were removed: see the ledger in \
             docs/metrics.md.",
        ),
        FindingKind::Removed => (
            "records removed by hand",
            "Someone ran nats kv del or purge: these timers are lost and are not called. Create the ones that you need \
             again; nats kv purge-deletes removes the traces of the others.",
        ),
        FindingKind::Unreadable => (
            "records that this version cannot read",
            "A newer jettimer or another program has written them. Nodes of this version do not touch them: upgrade \
             all nodes, or inspect them with nats kv get timers ID.",
        ),
        FindingKind::BucketMissing
        | FindingKind::BucketTurnedBack
        | FindingKind::WakesMissing
        | FindingKind::ConsumerMissing
        | FindingKind::SweepMissing => {
            ("of the required streams and consumers missing", "See the streams above.")
        }
    }
}
