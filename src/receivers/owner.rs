//! Whose timers a receiver or a flow is known by, and who has to give up some where too many are known.
//!
//! Whoever may create timers chooses hosts and flow keys, so one token could have a node forget the rates and breakers of all
//! others by naming ten thousand of its own. So what is forgotten is taken from those who have the most.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Whose timers named it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// Nobody's yet.
    #[default]
    Nobody,
    /// Those of one token, by a hash of its name, or of whoever needs none.
    One(u64),
    /// Those of several tokens. They share what is forgotten of these: nobody makes what is another's more likely to go by using it too.
    Several,
}

impl Owner {
    /// The owner of this name; without one, whoever may do without a token.
    pub(super) fn of(token: Option<&str>) -> Self {
        let mut hasher = DefaultHasher::new();
        token.hash(&mut hasher);
        Self::One(hasher.finish())
    }

    /// Whose it is once a timer of `other` has named it, too.
    pub(super) fn and(self, other: Self) -> Self {
        match self {
            Self::Nobody => other,
            Self::One(_) if self == other => self,
            Self::One(_) | Self::Several => Self::Several,
        }
    }
}

/// Forgets some of which that is allowed until `left` are left, of each owner down to the same number.
pub(super) fn forget<T>(
    known: &mut HashMap<String, T>,
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

/// The most that each may keep so that `surplus` go, or all if there are no more.
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
    fn who_has_many_gives_up_all_that_has_to_go() {
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
