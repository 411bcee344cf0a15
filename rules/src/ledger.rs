//! The ledger: checks that each timer that was created is still somewhere, or has ended.
//!
//! It has two books. The first adds up acts: each version of a record names the versions before it with their states (`past`), so
//! the records that have changed say what happened, and adding acts up needs no memory of timers. The second is a census of the
//! records in the bucket. A record that is lost has no act, so the two books disagree. Acts during the census supply the changes
//! that it could not see, so the books are compared exactly, at one change of the bucket.
//!
//! Pure: acts, records and counts come in as arguments. docs/metrics.md says what the ledger cannot see.
//!
//! **Invariant:** no stored number makes the arithmetic overflow: a client that may write the key of the ledger may forge its numbers.
//! **Invariant:** acts are added in order and without a gap, or the books are closed. Adding them up again from an earlier state
//! of the books gives the same books, so the node that keeps them may die at any moment.

mod acts;
mod past;

use crate::domain::state_kind::{PerKind, StateKind};

pub use acts::Acts;
pub use past::Past;

/// One change of the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// Its sequence number in the bucket.
    pub seq: u64,
    /// The sequence number of the version that it replaced; 0 if there was none.
    pub over: u64,
    pub deed: Deed,
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Stored {
        /// The state of the timer before; `None` if it was created.
        was: Option<StateKind>,
        /// The state of the timer now.
        is: StateKind,
    },
    /// A record was removed by hand.
    Removed {
        /// The state of the timer before; `None` if it is no longer known.
        was: Option<StateKind>,
    },
    /// The change is about no timer.
    Other,
    /// The change does not name the state that it replaced: its writer was no jettimer that keeps books.
    Unsaid,
}

/// The sum of all acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// The sequence number of the last act that was added.
    pub seq: u64,
    pub created: u64,
    /// Timers whose states are not final.
    pub open: u64,
    /// Timers whose states are final, whether their records still exist or not.
    pub ended: u64,
    /// Timers that are nowhere: their records were removed by hand. Less than 0 if the books began with records that have
    /// no creation.
    pub lost: i64,
    /// Records that were removed by hand and whose states are not known.
    pub removed: u64,
}

/// Why the books cannot continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The first act that is missing, or that says too little.
    pub at: u64,
}

impl Books {
    /// Adds an act; adding one again changes nothing.
    ///
    /// # Errors
    ///
    /// A [`Hole`] if acts before this one are missing, or if this one does not name the state that it replaced, or contradicts
    /// the books. The act is not added. Books whose numbers cannot grow are contradicted, too: they were forged.
    pub fn add(&mut self, act: &Act) -> Result<(), Hole> {
        if act.seq <= self.seq {
            return Ok(());
        }
        let hole = Hole { at: self.next() };
        if act.seq != hole.at {
            return Err(hole);
        }
        *self = self.with(act).ok_or(hole)?;
        Ok(())
    }

    /// The sequence number of the act that has to come next.
    pub fn next(&self) -> u64 {
        self.seq.saturating_add(1)
    }

    /// The books with this act, unless it does not name the state that it replaced, or contradicts them.
    fn with(mut self, act: &Act) -> Option<Self> {
        match act.deed {
            Deed::Stored { was, is } => {
                match was {
                    None => self.created = self.created.checked_add(1)?,
                    Some(was) => *self.side(was) = self.side(was).checked_sub(1)?,
                }
                *self.side(is) = self.side(is).checked_add(1)?;
            }
            // A record that is not there cannot be lost.
            Deed::Removed { .. } if act.over == 0 => {}
            Deed::Removed { was: None } => self.removed = self.removed.checked_add(1)?,
            Deed::Removed { was: Some(was) } => {
                *self.side(was) = self.side(was).checked_sub(1)?;
                self.lost = self.lost.checked_add(1)?;
            }
            Deed::Other => {}
            Deed::Unsaid => return None,
        }
        self.seq = act.seq;
        Some(self)
    }

    fn side(&mut self, state: StateKind) -> &mut u64 {
        if state.is_final() { &mut self.ended } else { &mut self.open }
    }
}

/// The records that were in the bucket at one moment, counted while the bucket changes.
#[derive(Clone, Debug)]
pub struct Census {
    upto: u64,
    counts: PerKind<u64>,
    /// The sequence numbers of the counted records, in order.
    seen: Vec<u64>,
}

impl Census {
    /// A census of the records as they were right after this change.
    pub fn at(upto: u64) -> Self {
        Self { upto, counts: PerKind::default(), seen: Vec::new() }
    }

    /// The change that it counts up to.
    pub fn upto(&self) -> u64 {
        self.upto
    }

    /// Counts a record; records come in the order in which they were stored.
    pub fn count(&mut self, seq: u64, state: StateKind) {
        if seq <= self.upto {
            self.counts[state] += 1;
            self.seen.push(seq);
        }
    }

    /// Adds the records that were replaced before they could be counted, according to the acts since then. `None` if one
    /// of these acts does not name the state that it replaced.
    pub fn complete(mut self, since: &[Act]) -> Option<PerKind<u64>> {
        let upto = self.upto;
        for act in since.iter().filter(|act| act.seq > upto && act.over > 0 && act.over <= upto) {
            if self.seen.binary_search(&act.over).is_ok() {
                continue;
            }
            match act.deed {
                Deed::Stored { was: Some(was), .. } | Deed::Removed { was: Some(was) } => {
                    self.counts[was] += 1
                }
                Deed::Other => {}
                Deed::Stored { was: None, .. } | Deed::Removed { was: None } | Deed::Unsaid => return None,
            }
        }
        Some(self.counts)
    }
}

/// Both books compared: `created` is the sum of `counted`, `expired` and `imbalance`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Timers that were created, according to the acts.
    pub created: u64,
    /// Records in the bucket.
    pub counted: PerKind<u64>,
    /// Timers that are over, according to the acts, and whose records have left by themselves.
    pub expired: u64,
    /// Timers that are nowhere; less than 0 if there are records without a creation.
    pub imbalance: i64,
}

impl Balance {
    /// The balance of the books and a census of the same moment.
    pub fn of(books: &Books, counted: PerKind<u64>) -> Self {
        let (open, over) = Self::sides(counted);
        let missing = difference(books.open, open);
        // Of the removed records with unknown states, those that were not open were over.
        let removed_over = books.removed.saturating_sub(u64::try_from(missing).unwrap_or_default());
        let expired = books.ended.saturating_sub(over).saturating_sub(removed_over);
        let imbalance = difference(books.created, open.saturating_add(over).saturating_add(expired));
        Self { created: books.created, counted, expired, imbalance }
    }

    /// Books that begin with a census and continue the last balance: missing timers stay missing.
    pub fn begun(self, seq: u64, counted: PerKind<u64>) -> Books {
        let (open, over) = Self::sides(counted);
        let ended = over.saturating_add(self.expired);
        let created = open.saturating_add(ended).saturating_add_signed(self.imbalance);
        Books { seq, created, open, ended, lost: self.imbalance, removed: 0 }
    }

    /// The records of timers that are open, and of those that are over.
    fn sides(counted: PerKind<u64>) -> (u64, u64) {
        counted.each().fold((0, 0), |(open, over): (u64, u64), (state, count)| {
            if state.is_final() {
                (open, over.saturating_add(count))
            } else {
                (open.saturating_add(count), over)
            }
        })
    }
}

/// `more` less `less`, or the nearest number that an `i64` has.
fn difference(more: u64, less: u64) -> i64 {
    let limit = if more > less { i64::MAX } else { i64::MIN };
    i64::try_from(i128::from(more) - i128::from(less)).unwrap_or(limit)
}

#[cfg(test)]
mod tests;
