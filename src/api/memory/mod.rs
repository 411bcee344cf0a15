//! Limits the memory that the requests and answers of all connections take. There are two budgets in bytes: one for the heads of requests,
//! and one for their bodies and the answers.
//!
//! The rule is that of dynamic thresholds, as for the places of calls (`rules::places`): no holder takes more than is left for the others.
//! So a token alone has at most half, two tokens have a third each, and a newcomer still finds some. Heads have a budget of their own,
//! since any client that reaches the port sends them.
//!
//! Nothing waits here: a body that comes slowly would make others wait for it. Small requests and answers take nothing of the budget, so
//! they are served however much the large ones take.

mod part;
mod reads;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::foundation::metrics::{Metrics, Refused};

pub(super) use part::{Part, Taken, keep_with, take_for};
pub use reads::Reads;

/// How many bytes of a request's body, and of an answer, take nothing from the budget: more than most of them have.
pub(super) const FREE_BYTES: usize = 4 * 1_024;

/// The budget of bodies and answers beyond their free bytes, in bytes. A token has at most half of it: three requests of 8 MiB. The
/// values made of a body on its way to NATS take some four times as much again, for as long as that takes.
const BODIES_BYTES: usize = 48 * 1_024 * 1_024;

/// The budget of heads beyond their free bytes, in bytes: 512 large heads.
const HEADS_BYTES: usize = 16 * 1_024 * 1_024;

/// The client whose memory it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// The client with this token.
    Token(String),
    /// Any client at this address without a token, or whose token is not known yet.
    Address(IpAddr),
}

impl Holder {
    /// The client at this address. A 64-bit network of IPv6 counts as one client.
    pub(super) fn at(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::Address(address.into()),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                Self::Address(IpAddr::V6(network.into()))
            }
        }
    }
}

/// The budget of one kind. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    size: usize,
    taken: Mutex<Amounts>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Amounts {
    all: usize,
    by: HashMap<Holder, usize>,
}

/// The budget is used up, or the client has its share of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Budget {
    /// The budget of bodies and answers.
    pub fn of_bodies(metrics: Arc<Metrics>) -> Self {
        Self::new(BODIES_BYTES, metrics)
    }

    pub(super) fn of_heads(metrics: Arc<Metrics>) -> Self {
        Self::new(HEADS_BYTES, metrics)
    }

    pub(super) fn new(size: usize, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared { size, taken: Mutex::default(), metrics }))
    }

    /// An empty part of the budget, which this holder can let grow.
    pub(super) fn part(&self, holder: Holder) -> Part {
        Part::new(self.clone(), holder)
    }

    /// Takes this many more bytes, unless the holder would then have more than the budget has left.
    fn take(&self, holder: &Holder, bytes: usize) -> Result<(), Exhausted> {
        let mut taken = self.taken();
        let all = taken.all.saturating_add(bytes);
        let own = taken.by.get(holder).copied().unwrap_or_default().saturating_add(bytes);
        if own > self.0.size.saturating_sub(all) {
            drop(taken);
            self.0.metrics.http.refused.count(Refused::Memory);
            return Err(Exhausted);
        }
        self.count(&mut taken, holder, bytes);
        Ok(())
    }

    /// Takes the bytes even if the budget does not have them: work that is done can no longer be refused.
    fn take_anyway(&self, holder: &Holder, bytes: usize) {
        self.count(&mut self.taken(), holder, bytes);
    }

    fn count(&self, taken: &mut Amounts, holder: &Holder, bytes: usize) {
        taken.all = taken.all.saturating_add(bytes);
        match taken.by.get_mut(holder) {
            Some(own) => *own = own.saturating_add(bytes),
            None => {
                taken.by.insert(holder.clone(), bytes);
            }
        }
        self.0.metrics.http.takes_memory(bytes);
    }

    fn give_back(&self, holder: &Holder, bytes: usize) {
        let mut taken = self.taken();
        taken.all = taken.all.saturating_sub(bytes);
        let left = taken.by.get_mut(holder).map(|own| {
            *own = own.saturating_sub(bytes);
            *own
        });
        if left == Some(0) {
            taken.by.remove(holder);
        }
        self.0.metrics.http.gives_memory_back(bytes);
    }

    fn taken(&self) -> MutexGuard<'_, Amounts> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
