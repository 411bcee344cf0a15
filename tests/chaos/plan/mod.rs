//! What one run does, as a function of its seed: what clients ask for, and what is broken meanwhile.
//!
//! Pure. The same seed gives the same plan, on every machine; what becomes of it depends on how the operating system
//! schedules some ten processes, and is not reproducible.

mod faults;
mod load;

use fastrand::Rng;

pub(crate) use faults::{Fault, LinkTrouble, Of, Peer, ReceiverTrouble, What, Which};
pub(crate) use load::{Behaviour, Due, FollowUp, Item};

/// Nodes of jettimer, nats-servers, receivers.
pub(crate) const NODES: usize = 3;
pub(crate) const SERVERS: usize = 3;
pub(crate) const RECEIVERS: usize = 2;

/// What one run does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Whether nodes sweep every second, and take a timer for lost that is a second late. Otherwise they do so as seldom and
    /// as patiently as by default, which is hardly ever within a run, so that nothing is mended that was not lost.
    pub(crate) sweeps: bool,
    pub(crate) items: Vec<Item>,
    pub(crate) faults: Vec<Fault>,
}

impl Plan {
    /// The plan of a seed. Load and faults are drawn apart, so that one stays as it is when the other's generator
    /// changes.
    pub(crate) fn of(seed: u64) -> Self {
        Self {
            sweeps: seed.is_multiple_of(2),
            items: load::of(&mut Rng::with_seed(seed)),
            faults: faults::of(&mut Rng::with_seed(!seed)),
        }
    }

    /// The load of a seed with faults of one's own.
    pub(crate) fn with(seed: u64, faults: Vec<Fault>) -> Self {
        Self { faults, ..Self::of(seed) }
    }
}

/// One of these, by weight.
fn weighted<T: Copy>(rng: &mut Rng, choices: &[(u32, T)]) -> T {
    let mut left = rng.u32(0..choices.iter().map(|(weight, _)| weight).sum());
    for (weight, choice) in choices {
        match left.checked_sub(*weight) {
            None => return *choice,
            Some(rest) => left = rest,
        }
    }
    unreachable!("what is left is less than the sum of the weights")
}

crate::trials! {
    fn a_seed_gives_the_same_plan_every_time_and_another_seed_another() {
        assert_eq!(Plan::of(7), Plan::of(7));
        assert_ne!(Plan::of(7).items, Plan::of(8).items);
        assert_ne!(Plan::of(7).faults, Plan::of(8).faults);
    }

    fn every_kind_of_fault_and_of_wish_is_drawn_within_some_seeds() {
        let plans: Vec<Plan> = (1..=200).map(Plan::of).collect();
        let kinds: std::collections::BTreeSet<&str> =
            plans.iter().flat_map(|plan| &plan.faults).map(|fault| fault.what.kind()).collect();
        assert_eq!(kinds, What::KINDS.into_iter().collect());
        let wishes: std::collections::HashSet<_> = plans
            .iter()
            .flat_map(|plan| &plan.items)
            .flat_map(|item| &item.then)
            .map(|then| std::mem::discriminant(&then.what))
            .collect();
        assert_eq!(wishes.len(), 4);
    }

    fn a_fault_list_is_read_back_as_it_was_written() {
        for seed in 1..=50 {
            let faults = Plan::of(seed).faults;
            let json = serde_json::to_string(&faults).unwrap();
            assert_eq!(serde_json::from_str::<Vec<Fault>>(&json).unwrap(), faults);
        }
    }
}
