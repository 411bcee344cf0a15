//! The owner of the timers that name a receiver or a flow, and which owners lose entries when too many are known.
//!
//! Clients that create timers choose hosts and flow keys. With ten thousand names, one token could make a node forget the rates and
//! breakers of all others. So the node forgets entries of the owners that have the most.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The owner of the timers that named an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Owner {
    /// No timer has named it yet.
    #[default]
    Nobody,
    /// Timers of one token, by a hash of its name, or of clients that need no token.
    One(u64),
    /// Timers of several tokens. These entries count as those of one owner of their own, so a client that uses an entry of another
    /// does not make it more likely to be forgotten.
    Several,
}

impl Owner {
    /// The owner with this token name; `None` stands for clients that need no token.
    pub fn of(token: Option<&str>) -> Self {
        let mut hasher = DefaultHasher::new();
        token.hash(&mut hasher);
        Self::One(hasher.finish())
    }

    /// The owner of an entry after a timer of `other` has named it, too.
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::Nobody => other,
            Self::One(_) if self == other => self,
            Self::One(_) | Self::Several => Self::Several,
        }
    }
}

/// Forgets entries that may go until `left` remain, those of each owner down to the same number.
pub fn forget<K, T>(
    known: &mut HashMap<K, T>,
    left: usize,
    may_go: impl Fn(&T) -> bool,
    owner: impl Fn(&T) -> Owner,
) {
    let mut surplus = known.len().saturating_sub(left);
    let mut counts: HashMap<Owner, usize> = HashMap::new();
    for one in known.values().filter(|one| may_go(one)) {
        *counts.entry(owner(one)).or_default() += 1;
    }
    let most = level(&counts.into_values().collect::<Vec<_>>(), surplus);
    let mut kept: HashMap<Owner, usize> = HashMap::new();
    known.retain(|_, one| {
        let kept = kept.entry(owner(one)).or_default();
        let goes = surplus > 0 && *kept >= most && may_go(one);
        surplus -= usize::from(goes);
        *kept += usize::from(!goes && may_go(one));
        !goes
    });
}

/// The most that each owner may keep so that `surplus` entries go, or all if there are no more.
fn level(counts: &[usize], surplus: usize) -> usize {
    let going = |most: usize| counts.iter().map(|count| count.saturating_sub(most)).sum::<usize>();
    let (mut low, mut high) = (0, counts.iter().copied().max().unwrap_or_default());
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if going(middle) >= surplus { low = middle } else { high = middle - 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_that_each_keeps_is_as_high_as_it_can_be() {
        for (counts, surplus, most) in [
            (&[10, 3, 1][..], 0, 10),
            (&[10, 3, 1], 7, 3),
            (&[10, 3, 1], 8, 2),
            (&[10, 3, 1], 11, 1),
            (&[10, 3, 1], 99, 0),
            (&[], 5, 0),
        ] {
            assert_eq!(level(counts, surplus), most, "{surplus} of {counts:?}");
        }
    }

    #[test]
    fn an_owner_that_has_many_gives_up_all_that_has_to_go() {
        let (few, many) = (Owner::of(Some("few")), Owner::of(Some("many")));
        let mut known: HashMap<String, (Owner, bool)> =
            (0..1_000).map(|n| (n.to_string(), (if n < 10 { few } else { many }, n != 500))).collect();
        forget(&mut known, 100, |(_, may_go)| *may_go, |(owner, _)| *owner);
        assert_eq!(known.len(), 100);
        assert!((0..10).all(|n: usize| known.contains_key(&n.to_string())) && known.contains_key("500"));
    }

    #[test]
    fn what_several_have_named_is_of_none_of_them() {
        let (one, other) = (Owner::of(Some("a")), Owner::of(None));
        assert_eq!(Owner::Nobody.and(one), one);
        assert_eq!((one.and(one), one.and(other)), (one, Owner::Several));
        assert_eq!(Owner::Several.and(one), Owner::Several);
    }
}
