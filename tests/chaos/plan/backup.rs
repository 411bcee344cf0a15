//! The load of [`What::RestoreBackup`]: timers on either side of each of its two instants, the backup and the restore.
//!
//! The oracle judges each timer by the actual instants of its events. So a busy machine changes the number of timers of
//! each kind, and not the promises about them.
//!
//! [`What::RestoreBackup`]: super::What::RestoreBackup

use std::ops::Range;

use fastrand::Rng;

use super::load::{Behaviour, Due, FollowUp, Item, Then};
use super::{NODES, RECEIVERS};

/// When the backup is made and when it is put back, in milliseconds after the start of the load.
pub(super) const MADE_MS: u32 = 4_500;
pub(super) const BACK_MS: u32 = 11_000;

/// Spans well before the backup, between the two instants, and well after the server is back.
const BEFORE: Range<u32> = 0..2_500;
const FIRED_BEFORE: Range<u32> = 2_500..3_500;
const BETWEEN: Range<u32> = 5_500..7_500;
const FIRED_BETWEEN: Range<u32> = 8_000..10_000;
const AFTER: Range<u32> = 14_000..16_000;
const FIRED_AFTER: Range<u32> = 16_000..19_000;

/// The number of timers of a kind, and when they are created, due and cancelled.
struct Kind(u32, Range<u32>, Range<u32>, Option<Range<u32>>);

const KINDS: [Kind; 9] = [
    // Finished before the backup, which has them.
    Kind(10, BEFORE, FIRED_BEFORE, None),
    // Called after the backup, which has them as scheduled.
    Kind(25, BEFORE, FIRED_BETWEEN, None),
    // In the backup, and due after the restore.
    Kind(15, BEFORE, FIRED_AFTER, None),
    // Not in the backup.
    Kind(8, BETWEEN, FIRED_BETWEEN, None),
    Kind(8, BETWEEN, FIRED_AFTER, None),
    // Created after the restore.
    Kind(8, AFTER, FIRED_AFTER, None),
    // Cancelled before the backup, which has them.
    Kind(4, BEFORE, FIRED_BETWEEN, Some(3_000..3_500)),
    Kind(4, BEFORE, FIRED_AFTER, Some(3_000..3_500)),
    // Cancelled after the backup, which has them as scheduled. They are due before the restore: a timer that is cancelled
    // in between and due later is scheduled again, and no node can know that it was cancelled.
    Kind(8, BEFORE, FIRED_BETWEEN, Some(BETWEEN)),
];

/// Draws the load, in the order of creation.
pub(super) fn of(rng: &mut Rng) -> Vec<Item> {
    let mut items = vec![];
    for Kind(count, created, due, cancelled) in &KINDS {
        items.extend((0..*count).map(|_| item(rng, created, due, cancelled.as_ref())));
    }
    items.sort_by_key(|item| item.at_ms);
    items
}

fn item(rng: &mut Rng, created: &Range<u32>, due: &Range<u32>, cancelled: Option<&Range<u32>>) -> Item {
    let at_ms = rng.u32(created.clone());
    let cancel = cancelled.map(|within| Then {
        at_ms: rng.u32(within.clone()),
        node: rng.usize(0..NODES),
        what: FollowUp::Cancel,
    });
    Item {
        at_ms,
        due: Due::AtMs(rng.u32(due.clone()).max(at_ms)),
        at_least_once: false,
        max_attempts: 1,
        receiver: rng.usize(0..RECEIVERS),
        behaviour: Behaviour::Ok,
        body_bytes: 0,
        nodes: vec![rng.usize(0..NODES)],
        keyed: false,
        then: cancel.into_iter().collect(),
    }
}
