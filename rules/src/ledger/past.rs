//! The earlier versions of a record. Each version of a record names them, since the bucket keeps only the newest: so the acts of a
//! while can be read from the records that have changed in it.

use std::fmt;
use std::str::FromStr;

use super::{Act, Deed};
use crate::domain::state_kind::StateKind;

/// The most versions that are named, some 20 bytes each. A timer that changes more often between two sweeps makes the ledger start over.
const MOST: usize = 32;

/// The word for the first version of a record, which replaced nothing.
const CREATED: &str = "created";

/// The versions of a record before a certain one: the sequence number of each in the bucket, and the state of the timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The oldest first.
    versions: Vec<(u64, StateKind)>,
    /// Whether the oldest is the one that created the record, or the record is new.
    from_creation: bool,
}

impl Past {
    /// The past of a record that is new.
    pub const fn none() -> Self {
        Self { versions: Vec::new(), from_creation: true }
    }

    /// The past of a record whose writer names at most the version that it replaced, as jettimer did before it named all.
    pub fn unsaid(replaced: Option<(u64, StateKind)>) -> Self {
        Self { versions: replaced.into_iter().collect(), from_creation: false }
    }

    /// Whether the record is new.
    pub fn is_none(&self) -> bool {
        self.versions.is_empty() && self.from_creation
    }

    /// The past of the version that replaces this one, which has this sequence number and state.
    #[must_use]
    pub fn followed_by(&self, seq: u64, state: StateKind) -> Self {
        let dropped = (self.versions.len() + 1).saturating_sub(MOST);
        let versions = self.versions.iter().skip(dropped).copied().chain([(seq, state)]).collect();
        Self { versions, from_creation: self.from_creation && dropped == 0 }
    }

    /// The acts that led to the version with this past, sequence number and state, the oldest first.
    pub fn acts(&self, seq: u64, state: StateKind) -> impl Iterator<Item = Act> {
        let mut replaced = None;
        self.versions.iter().copied().chain([(seq, state)]).map(move |(seq, is)| {
            let (over, deed) = match replaced {
                Some((over, was)) => (over, Deed::Stored { was: Some(was), is }),
                None if self.from_creation => (0, Deed::Stored { was: None, is }),
                None => (0, Deed::Unsaid),
            };
            replaced = Some((seq, is));
            Act { seq, over, deed }
        })
    }
}

/// As in `41 created, 57 firing`; without `created` if older versions are not named.
impl fmt::Display for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (seq, state)) in self.versions.iter().enumerate() {
            let is_creation = place == 0 && self.from_creation && *state == StateKind::Scheduled;
            let name = if is_creation { CREATED } else { state.name() };
            write!(f, "{}{seq} {name}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl FromStr for Past {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut past = Self { versions: Vec::new(), from_creation: false };
        for (place, version) in text.split(", ").enumerate() {
            let (seq, name) = version.split_once(' ').ok_or(())?;
            let is_creation = place == 0 && name == CREATED;
            past.from_creation |= is_creation;
            let state =
                if is_creation { StateKind::Scheduled } else { StateKind::from_name(name).ok_or(())? };
            past.versions.push((seq.parse().map_err(|_| ())?, state));
        }
        let in_order = past.versions.windows(2).all(|pair| pair[0].0 < pair[1].0);
        (in_order && past.versions.len() <= MOST).then_some(past).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StateKind::{Delivered, Failed, Firing, Scheduled};

    #[test]
    fn a_past_is_read_as_it_is_written() {
        let created = Past::none().followed_by(41, Scheduled);
        let fired = created.followed_by(57, Firing);
        assert_eq!(fired.to_string(), "41 created, 57 firing");
        assert_eq!(fired.to_string().parse(), Ok(fired));
        let unsaid = Past::unsaid(Some((57, Scheduled))).followed_by(60, Firing);
        assert_eq!(unsaid.to_string(), "57 scheduled, 60 firing");
        assert_eq!(unsaid.to_string().parse(), Ok(unsaid));
        for bad in [
            "",
            "41",
            "x created",
            "41 unheard",
            "57 firing, 41 created",
            "57 firing, 41 firing",
            "1 firing,2 firing",
        ] {
            assert_eq!(bad.parse::<Past>(), Err(()), "{bad:?}");
        }
    }

    #[test]
    fn each_version_is_an_act_over_the_one_before() {
        let stored = |seq, over, was, is| Act { seq, over, deed: Deed::Stored { was, is } };
        let past = Past::none().followed_by(41, Scheduled).followed_by(57, Firing);
        assert_eq!(
            past.acts(60, Delivered).collect::<Vec<_>>(),
            [
                stored(41, 0, None, Scheduled),
                stored(57, 41, Some(Scheduled), Firing),
                stored(60, 57, Some(Firing), Delivered),
            ]
        );
        assert_eq!(Past::none().acts(41, Scheduled).collect::<Vec<_>>(), [stored(41, 0, None, Scheduled)]);
        let unsaid = Past::unsaid(Some((57, Firing)));
        assert_eq!(
            unsaid.acts(60, Failed).collect::<Vec<_>>(),
            [Act { seq: 57, over: 0, deed: Deed::Unsaid }, stored(60, 57, Some(Firing), Failed),]
        );
    }

    #[test]
    fn only_the_newest_versions_are_named() {
        let most = MOST as u64;
        let past = (1..=most + 3).fold(Past::none(), |past, seq| past.followed_by(seq, Firing));
        let acts: Vec<Act> = past.acts(most + 4, Delivered).collect();
        assert_eq!((acts.len(), acts[0].seq, acts[0].deed), (MOST + 1, 4, Deed::Unsaid));
        assert_eq!(past.to_string().parse(), Ok(past));
    }
}
