//! The load of [`What::KillAfterLeaving`]: enough bytes for several blocks of the bucket. Some blocks keep more than half
//! of their bytes, while others die as a whole.
//!
//! A nats-server that starts after SIGKILL reads its blocks again. It has to learn from elsewhere which messages are dead
//! in a block that was not compacted, or they come back.
//!
//! [`What::KillAfterLeaving`]: super::What::KillAfterLeaving

use fastrand::Rng;

use super::load::{Behaviour, Due, FAR_MS, FollowUp, Item, Then};
use super::{NODES, RECEIVERS};

/// The number of timers, and the bytes of each: 8.6 MB, which is two blocks of 4 MiB and a part of a third, before anything
/// is called.
const ITEMS: u32 = 480;
const BODY_BYTES: u32 = 17_000;

/// When the timers are created, when the first of them are due and cancelled, and in which span after that, in milliseconds
/// after the start of the load.
const CREATED_WITHIN_MS: u32 = 3_000;
const DUE_MS: u32 = 6_000;
const CANCELLED_MS: u32 = 4_500;
const WITHIN_MS: u32 = 1_000;

/// One timer in this many is due soon.
const OF: u32 = 4;

/// Draws the load: runs of `run` timers that are due soon, each followed by a run of other timers. A few of the other
/// timers are cancelled; some of those are due soon, and some are not.
pub(super) fn of(rng: &mut Rng, run: u32) -> Vec<Item> {
    (0..ITEMS).map(|number| item(rng, number, run.max(1))).collect()
}

fn item(rng: &mut Rng, number: u32, run: u32) -> Item {
    let soon = number % (run * OF) < run;
    let cancelled = !soon && rng.u32(0..5) == 0;
    let is_due = soon || (cancelled && rng.bool());
    let node = rng.usize(0..NODES);
    let due_ms = if is_due { DUE_MS + rng.u32(0..WITHIN_MS) } else { FAR_MS };
    let cancel = Then {
        at_ms: CANCELLED_MS + rng.u32(0..WITHIN_MS),
        node: rng.usize(0..NODES),
        what: FollowUp::Cancel,
    };
    Item {
        at_ms: number * CREATED_WITHIN_MS / ITEMS,
        due: Due::AtMs(due_ms),
        at_least_once: false,
        max_attempts: 1,
        receiver: rng.usize(0..RECEIVERS),
        behaviour: Behaviour::Ok,
        body_bytes: BODY_BYTES,
        nodes: vec![node],
        keyed: false,
        then: if cancelled { vec![cancel] } else { vec![] },
    }
}
