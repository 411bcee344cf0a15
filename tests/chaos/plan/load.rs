//! What clients ask for: timers of both delivery modes, and wishes that meet their due instants.

use fastrand::Rng;

use super::{NODES, RECEIVERS, weighted};

/// How many timers a run creates, and in which span, in milliseconds.
const ITEMS: usize = 90;
const SPAN_MS: u32 = 5_500;

/// The longest delay, and the last instant at which a timer is due at first, in milliseconds: most of them come due while
/// things are broken.
const LONGEST_DELAY_MS: u32 = 8_000;
const LAST_DUE_MS: u32 = 8_500;

/// When a timer is due that is not to be due within a run, in milliseconds after the start of the load: five hours.
pub(super) const FAR_MS: u32 = 18_000_000;

/// One timer and what is done about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// When it is created, after the start of the load.
    pub(crate) at_ms: u32,
    pub(crate) due: Due,
    pub(crate) at_least_once: bool,
    pub(crate) max_attempts: u32,
    pub(crate) receiver: usize,
    pub(crate) behaviour: Behaviour,
    /// How many bytes it sends.
    pub(crate) body_bytes: u32,
    /// The nodes that are asked to create it: one, or with an idempotency key two at the same moment.
    pub(crate) nodes: Vec<usize>,
    pub(crate) keyed: bool,
    /// In the order of their instants.
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

/// What its receiver does, if nothing is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behaviour {
    Ok,
    SlowMs(u32),
    /// This status so often, then 200.
    Status(u16, u32),
    /// Closes the connection the first time, then 200.
    Reset,
}

/// A wish about a timer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Then {
    /// After the start of the load.
    pub(crate) at_ms: u32,
    pub(crate) node: usize,
    pub(crate) what: FollowUp,
}

/// What is wished.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FollowUp {
    Read,
    Cancel,
    /// To be due at another instant, after the start of the load.
    MoveTo(u32),
    Fire,
}

impl Item {
    /// When it is due at first, after the start of the load.
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
    // Slow enough that a node that is killed is often in the middle of a call.
    let slow = Behaviour::SlowMs(rng.u32(5..1_500));
    let later = Behaviour::Status(503, rng.u32(1..4));
    weighted(
        rng,
        &[(5, Behaviour::Ok), (6, slow), (2, later), (1, Behaviour::Status(404, 1)), (1, Behaviour::Reset)],
    )
}

/// Half of the wishes come close to the due instant, and so meet the claim.
fn then(rng: &mut Rng, item: &Item) -> Then {
    let due = item.due_ms();
    let at_ms =
        if rng.bool() { (due + rng.u32(0..60)).saturating_sub(40) } else { rng.u32(item.at_ms..=due + 500) };
    let move_to = FollowUp::MoveTo(at_ms + if rng.u32(0..4) == 0 { 0 } else { rng.u32(0..2_000) });
    let what =
        weighted(rng, &[(2, FollowUp::Read), (3, FollowUp::Cancel), (3, move_to), (2, FollowUp::Fire)]);
    Then { at_ms: at_ms.max(item.at_ms), node: rng.usize(0..NODES), what }
}
