//! The kind of a timer's state: which of the six states it is, without the state's data. Lists, counts and metrics tell timers
//! apart by it.

use std::ops::{Index, IndexMut};

/// One kind for each variant of [`State`](super::timer::State).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    Scheduled,
    Firing,
    Delivered,
    Failed,
    Unknown,
    Cancelled,
}

impl StateKind {
    /// All kinds, in the order in which they are declared, counted and listed. The stored ledger has its counts in this order.
    pub const ALL: [Self; 6] =
        [Self::Scheduled, Self::Firing, Self::Delivered, Self::Failed, Self::Unknown, Self::Cancelled];

    /// The name in the API, in the stored record and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Firing => "firing",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether nothing more happens to a timer in such a state.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Scheduled | Self::Firing => false,
            Self::Delivered | Self::Failed | Self::Unknown | Self::Cancelled => true,
        }
    }
}

/// A value for each kind of state, in the order of [`StateKind::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerKind<T>(pub [T; StateKind::ALL.len()]);

impl<T> PerKind<T> {
    /// The values, each after its kind.
    pub fn each(self) -> impl Iterator<Item = (StateKind, T)> {
        StateKind::ALL.into_iter().zip(self.0)
    }
}

impl<T> Index<StateKind> for PerKind<T> {
    type Output = T;

    fn index(&self, kind: StateKind) -> &T {
        &self.0[kind as usize]
    }
}

impl<T> IndexMut<StateKind> for PerKind<T> {
    fn index_mut(&mut self, kind: StateKind) -> &mut T {
        &mut self.0[kind as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found_by_its_name_and_in_its_place() {
        for (place, kind) in StateKind::ALL.into_iter().enumerate() {
            assert_eq!((StateKind::from_name(kind.name()), kind as usize), (Some(kind), place));
        }
        assert_eq!(StateKind::from_name("Scheduled"), None);
        let mut counts = PerKind::<u8>::default();
        counts[StateKind::Failed] += 1;
        assert_eq!(counts, PerKind([0, 0, 0, 1, 0, 0]));
        assert!(counts.each().all(|(kind, count)| count == u8::from(kind == StateKind::Failed)));
    }
}
