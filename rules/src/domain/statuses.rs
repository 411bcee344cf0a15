//! The answers of a receiver that mean "not now": a set of HTTP statuses.
//!
//! Whether another attempt follows such an answer also depends on the delivery mode, which `attempt` knows.

use std::fmt;
use std::str::FromStr;

/// The first status that can be in a set. Lower ones are progress (1xx) or success (2xx).
const FIRST: u16 = 300;
/// The last HTTP status (RFC 9110, 15).
const LAST: u16 = 599;

/// Gone (RFC 9110, 15.5.11): the receiver says that it is not to be asked again.
const GONE: u16 = 410;

/// A set of statuses from 300 to 599, without 410.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StatusSet {
    /// One bit for each status, from [`FIRST`].
    bits: [u64; 5],
}

impl StatusSet {
    pub const EMPTY: Self = Self { bits: [0; 5] };

    /// The three whole classes: 3xx, 4xx and 5xx.
    const CLASSES: [Self; 3] =
        [Self::EMPTY.and(300, 399), Self::EMPTY.and(400, 499), Self::EMPTY.and(500, 599)];

    const DEFAULT: Self = Self::CLASSES[2].and(408, 408).and(429, 429);

    /// This set, and those statuses from `first` to `last` that can be in a set.
    const fn and(mut self, first: u16, last: u16) -> Self {
        let mut status = first;
        while status <= last {
            if let Some((word, bit)) = place(status) {
                self.bits[word] |= bit;
            }
            status += 1;
        }
        self
    }

    fn has_all(&self, other: &Self) -> bool {
        self.bits.iter().zip(other.bits).all(|(bits, wanted)| bits & wanted == wanted)
    }

    pub fn contains(&self, status: u16) -> bool {
        let Some((word, bit)) = place(status) else { return false };
        self.bits[word] & bit != 0
    }

    /// This set, and another status or a whole class: `503`, `5xx`.
    ///
    /// # Errors
    ///
    /// A sentence that says which statuses are allowed.
    pub fn with(self, name: &str) -> Result<Self, String> {
        let class = name.strip_suffix("xx").and_then(|class| class.parse::<u16>().ok());
        if let Some(class @ 3..=5) = class {
            return Ok(self.and(class * 100, class * 100 + 99));
        }
        let status = name.parse().ok().filter(|status| place(*status).is_some());
        let status = status.ok_or_else(|| {
            format!("must be a status from {FIRST} to {LAST} except {GONE} (final), or 3xx, 4xx or 5xx")
        })?;
        Ok(self.and(status, status))
    }

    /// The statuses of the set in order, with a whole class as one: `408`, `429`, `5xx`.
    pub fn names(&self) -> Vec<String> {
        let mut names = vec![];
        for (class, whole) in (3..=5).zip(&Self::CLASSES) {
            let all = class * 100..=class * 100 + 99;
            if self.has_all(whole) {
                names.push(format!("{class}xx"));
            } else {
                names.extend(all.filter(|status| self.contains(*status)).map(|status| status.to_string()));
            }
        }
        names
    }
}

/// The place of a status's bit; `None` if the status cannot be in a set.
const fn place(status: u16) -> Option<(usize, u64)> {
    if status < FIRST || status > LAST || status == GONE {
        return None;
    }
    let n = (status - FIRST) as usize;
    Some((n / 64, 1 << (n % 64)))
}

impl Default for StatusSet {
    /// Request timeout (RFC 9110, 15.5.9), too many requests (RFC 6585, 4), and the receiver's own errors (5xx).
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

impl fmt::Debug for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusSet({self})")
    }
}

impl FromStr for StatusSet {
    type Err = String;

    /// Reads a list such as `408,429,5xx`. An empty list is a set without a status.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).try_fold(Self::EMPTY, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_class_stands_for_all_of_it_but_410() {
        let set: StatusSet = "5xx, 4xx".parse().unwrap();
        assert!(set.contains(400) && set.contains(499) && set.contains(500) && set.contains(599));
        assert!(!set.contains(410) && !set.contains(399) && !set.contains(200) && !set.contains(600));
        assert_eq!(set.to_string(), "4xx,5xx");
        assert_eq!(StatusSet::default().to_string(), "408,429,5xx");
        assert_eq!("".parse(), Ok(StatusSet::EMPTY));
    }

    #[test]
    fn what_is_final_cannot_be_in_a_set() {
        for name in ["410", "200", "2xx", "1xx", "6xx", "600", "299", "x", "-500", "5XX", "50x"] {
            assert!(StatusSet::EMPTY.with(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_set_is_read_back_from_its_names(statuses in prop::collection::btree_set(FIRST..=LAST, 0..350)) {
            let names: Vec<String> = statuses.iter().filter(|s| **s != GONE).map(u16::to_string).collect();
            let set: StatusSet = names.join(",").parse().unwrap();
            prop_assert_eq!(set.to_string().parse(), Ok(set));
            prop_assert!((FIRST..=LAST).all(|s| set.contains(s) == (statuses.contains(&s) && s != GONE)));
        }
    }
}
