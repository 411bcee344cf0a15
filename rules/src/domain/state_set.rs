//! A set of kinds of states: those that a filter asks for.

use std::fmt;

use crate::domain::state_kind::StateKind;

/// One bit for each kind.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct StateSet(u8);

impl StateSet {
    pub const ALL: Self = Self((1 << StateKind::ALL.len()) - 1);

    pub fn insert(&mut self, kind: StateKind) {
        self.0 |= bit(kind);
    }

    pub fn contains(self, kind: StateKind) -> bool {
        self.0 & bit(kind) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds that are in both sets.
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The kinds in the set, in the order of [`StateKind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = StateKind> {
        StateKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

const fn bit(kind: StateKind) -> u8 {
    1 << kind as u8
}

impl FromIterator<StateKind> for StateSet {
    fn from_iter<I: IntoIterator<Item = StateKind>>(kinds: I) -> Self {
        let mut set = Self::default();
        kinds.into_iter().for_each(|kind| set.insert(kind));
        set
    }
}

/// A list of names. The cursors that clients hold contain a digest of it, so it must stay as it is.
impl fmt::Debug for StateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(StateKind::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_kinds_that_were_put_into_it_in_their_order() {
        let set = StateSet::from_iter([StateKind::Unknown, StateKind::Failed, StateKind::Unknown]);
        assert!(set.contains(StateKind::Failed) && !set.contains(StateKind::Firing));
        assert_eq!(set.iter().collect::<Vec<_>>(), [StateKind::Failed, StateKind::Unknown]);
        assert_eq!(set.intersection(StateSet::ALL), set);
        assert!(set.intersection(StateSet::from_iter([StateKind::Firing])).is_empty());
        assert_eq!(StateSet::ALL.iter().collect::<Vec<_>>(), StateKind::ALL);
        assert_eq!(format!("{set:?} {:?}", StateSet::default()), r#"["failed", "unknown"] []"#);
    }
}
