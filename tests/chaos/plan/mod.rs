//! The plan of one run, as a function of its seed: the requests of the clients and the faults.
//!
//! Pure. The same seed gives the same plan on every machine. The course of the run depends on how the operating system
//! schedules some ten processes, and is not reproducible.

mod backup;
mod crowd;
mod draw;
mod faults;
mod load;
mod profile;

use fastrand::Rng;

pub(crate) use faults::{Copied, Fault, LinkTrouble, Nodes, Of, Peer, ReceiverTrouble, What, Which};
pub(crate) use load::{Behaviour, Due, FollowUp, Item};
pub(crate) use profile::Profile;

/// The numbers of jettimer nodes, of nats-servers at most, and of receivers.
pub(crate) const NODES: usize = 3;
pub(crate) const SERVERS: usize = 3;
pub(crate) const RECEIVERS: usize = 2;

/// The retention of finished timers in runs in which they are to leave, in milliseconds.
const RETENTION_MS: u32 = 2_000;

/// The plan of one run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) profile: Profile,
    /// Whether nodes sweep every second, and take a timer for lost that is a second late. Otherwise they sweep as seldom
    /// and as patiently as by default, which is hardly ever within a run, so that they repair nothing that was not lost.
    pub(crate) sweeps: bool,
    pub(crate) items: Vec<Item>,
    pub(crate) faults: Vec<Fault>,
}

impl Plan {
    /// The plan of a seed in a profile. Load and faults are drawn separately, so that one stays the same
    /// when the generator of the other changes.
    pub(crate) fn of(seed: u64, profile: Profile) -> Self {
        Self::with(seed, profile, draw::of(&mut Rng::with_seed(!seed), profile))
    }

    /// The load of a seed with the given faults. Some faults have their own load.
    pub(crate) fn with(seed: u64, profile: Profile, faults: Vec<Fault>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let special = faults.iter().map(|fault| fault.what).find(What::has_a_load);
        let items = match special {
            Some(What::KillAfterLeaving { run, .. }) => crowd::of(&mut rng, run),
            Some(What::RestoreBackup { .. }) => backup::of(&mut rng),
            Some(_) | None => load::of(&mut rng),
        };
        Self { profile, sweeps: special.is_some() || seed.is_multiple_of(2), items, faults }
    }

    /// How long finished timers stay, if shorter than by default, in milliseconds.
    pub(crate) fn retention_ms(&self) -> Option<u32> {
        let leave = self.faults.iter().any(|fault| matches!(fault.what, What::KillAfterLeaving { .. }));
        leave.then_some(RETENTION_MS)
    }

    /// Checks that the faults are possible in the profile.
    ///
    /// # Errors
    ///
    /// The fault that is not possible, and why.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.faults.iter().filter(|fault| fault.what.has_a_load()).count() > 1 {
            return Err("only one fault of a list can be one that has a load of its own".to_owned());
        }
        let wrong = self.faults.iter().find(|fault| !fault.what.fits(self.profile));
        wrong.map_or(Ok(()), |fault| Err(format!("{fault} cannot be in profile {}", self.profile.name())))
    }
}

/// Draws one of these by weight.
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
        for profile in Profile::ALL {
            assert_eq!(Plan::of(7, profile), Plan::of(7, profile));
            assert_ne!(Plan::of(7, profile).items, Plan::of(8, profile).items);
            assert_ne!(Plan::of(7, profile).faults, Plan::of(8, profile).faults);
        }
    }

    fn every_kind_of_fault_and_of_wish_is_drawn_within_some_seeds() {
        let plans: Vec<Plan> = (1..=200).map(|seed| Plan::of(seed, Profile::of(seed))).collect();
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

    fn every_fault_that_is_drawn_can_be_in_its_profile() {
        for profile in Profile::ALL {
            (1..=200).for_each(|seed| Plan::of(seed, profile).check().unwrap());
        }
    }

    fn a_fault_list_is_read_back_as_it_was_written() {
        for seed in 1..=50 {
            let faults = Plan::of(seed, Profile::of(seed)).faults;
            let json = serde_json::to_string(&faults).unwrap();
            assert_eq!(serde_json::from_str::<Vec<Fault>>(&json).unwrap(), faults);
        }
    }
}
