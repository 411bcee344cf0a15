//! The load of the clients: timers of both delivery modes, and follow-up requests close to their due instants.

use fastrand::Rng;

use super::{NODES, RECEIVERS, weighted};

/// How many timers a run creates, and the span of their creation in milliseconds.
const ITEMS: usize = 90;
const SPAN_MS: u32 = 5_500;

/// The longest delay, and the latest original due instant of a timer, in milliseconds: most timers come due while faults last.
const LONGEST_DELAY_MS: u32 = 8_000;
const LAST_DUE_MS: u32 = 8_500;

/// The due instant of a timer that is not due within a run, in milliseconds after the start of the load: five hours.
pub(super) const FAR_MS: u32 = 18_000_000;

/// One timer, and the requests about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// When it is created, after the start of the load.
    pub(crate) at_ms: u32,
    pub(crate) due: Due,
    pub(crate) at_least_once: bool,
    pub(crate) max_attempts: u32,
    pub(crate) receiver: usize,
    pub(crate) behaviour: Behaviour,
    /// The size of its body in bytes.
    pub(crate) body_bytes: u32,
    /// The nodes that the client asks to create it: one, or with an idempotency key two at the same moment.
    pub(crate) nodes: Vec<usize>,
    pub(crate) keyed: bool,
    /// The follow-up requests, in the order of their instants.
    pub(crate) then: Vec<Then>,
}

/// When it is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Due {
    /// After it was created.
    DelayMs(u32),
    /// After the start of the load.
    AtMs(u32),
}

/// The behaviour of its receiver when no fault hits it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behaviour {
    Ok,
    SlowMs(u32),
    /// This status this many times, then 200.
    Status(u16, u32),
    /// Closes the connection the first time, then 200.
    Reset,
}

/// A follow-up request about a timer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Then {
    /// After the start of the load.
    pub(crate) at_ms: u32,
    pub(crate) node: usize,
    pub(crate) what: FollowUp,
}

/// The kind of a follow-up request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FollowUp {
    Read,
    Cancel,
    /// Move the timer to another instant, after the start of the load.
    MoveTo(u32),
    Fire,
}

impl Item {
    /// The original due instant, after the start of the load.
    pub(crate) fn due_ms(&self) -> u32 {
        match self.due {
            Due::DelayMs(delay) => self.at_ms + delay,
            Due::AtMs(at) => at,
        }
    }

    /// Whether it is not due within the run.
    pub(crate) fn is_far(&self) -> bool {
        self.due_ms() >= FAR_MS
    }
}

/// Draws the load of a run, in the order of creation.
pub(super) fn of(rng: &mut Rng) -> Vec<Item> {
    let mut items: Vec<Item> = (0..ITEMS).map(|_| item(rng)).collect();
    items.sort_by_key(|item| item.at_ms);
    items
}

fn item(rng: &mut Rng) -> Item {
    let at_ms = rng.u32(0..SPAN_MS);
    let delay = if rng.u32(0..10) == 0 { 0 } else { rng.u32(0..LONGEST_DELAY_MS.min(LAST_DUE_MS - at_ms)) };
    let keyed = rng.u32(0..3) == 0;
    let first = rng.usize(0..NODES);
    let other = (first + rng.usize(1..NODES)) % NODES;
    let mut item = Item {
        at_ms,
        due: if rng.bool() { Due::DelayMs(delay) } else { Due::AtMs(at_ms + delay) },
        at_least_once: rng.bool(),
        max_attempts: rng.u32(1..=8),
        receiver: rng.usize(0..RECEIVERS),
        behaviour: behaviour(rng),
        body_bytes: 0,
        nodes: if keyed { vec![first, other] } else { vec![first] },
        keyed,
        then: vec![],
    };
    for _ in 0..weighted(rng, &[(4, 0), (4, 1), (2, 2), (1, 3)]) {
        item.then.push(then(rng, &item));
    }
    item.then.sort_by_key(|then| then.at_ms);
    item
}

fn behaviour(rng: &mut Rng) -> Behaviour {
    // Slow enough that a killed node is often in the middle of a call.
    let slow = Behaviour::SlowMs(rng.u32(5..1_500));
    let later = Behaviour::Status(503, rng.u32(1..4));
    weighted(
        rng,
        &[(5, Behaviour::Ok), (6, slow), (2, later), (1, Behaviour::Status(404, 1)), (1, Behaviour::Reset)],
    )
}

/// Half of the follow-up requests come close to the due instant, and so meet the claim.
fn then(rng: &mut Rng, item: &Item) -> Then {
    let due = item.due_ms();
    let at_ms =
        if rng.bool() { (due + rng.u32(0..60)).saturating_sub(40) } else { rng.u32(item.at_ms..=due + 500) };
    let move_to = FollowUp::MoveTo(at_ms + if rng.u32(0..4) == 0 { 0 } else { rng.u32(0..2_000) });
    let what =
        weighted(rng, &[(2, FollowUp::Read), (3, FollowUp::Cancel), (3, move_to), (2, FollowUp::Fire)]);
    Then { at_ms: at_ms.max(item.at_ms), node: rng.usize(0..NODES), what }
}
