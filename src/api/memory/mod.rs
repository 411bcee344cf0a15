//! How much memory the requests and answers of all connections take: a budget in bytes for each of two things, heads of
//! requests, and their bodies with the answers.
//!
//! The rule is that of dynamic thresholds, as for the places of calls (`places::shares`): nobody takes more than is left for
//! the others. So one token alone has a half, two have a third each, and who comes next finds something. Heads have a budget of
//! their own, since they come from whoever reaches the port.
//!
//! Nothing waits here: a body that comes slowly would have others wait for it. What is small takes nothing of the budget, so
//! that it is served whatever is large.

mod part;
mod reads;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::metrics::{Metrics, Refused};

pub(super) use part::{Part, Taken, keep_with, take_for};
pub use reads::Reads;

/// What a request's body has for nothing, and an answer again, in bytes: more than most of them have.
pub(super) const FREE_BYTES: usize = 4 * 1_024;

/// All bodies and answers beyond that, in bytes. A token has a half at most, so three requests of 8 MiB. What is made of a body
/// on its way to NATS is some four times as much again, for as long as that takes.
const BODIES_BYTES: usize = 48 * 1_024 * 1_024;

/// All heads beyond what each has for nothing, in bytes: 512 of them.
const HEADS_BYTES: usize = 16 * 1_024 * 1_024;

/// Whose memory it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// Who has this token.
    Token(String),
    /// Whoever asks from this address, where there is no token or none is known yet.
    Address(IpAddr),
}

impl Holder {
    /// Who asks from this address. In IPv6 a network of 64 bits is one client's.
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

/// That there is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Budget {
    /// That of bodies and answers.
    pub fn of_bodies(metrics: Arc<Metrics>) -> Self {
        Self::new(BODIES_BYTES, metrics)
    }

    /// That of heads.
    pub(super) fn of_heads(metrics: Arc<Metrics>) -> Self {
        Self::new(HEADS_BYTES, metrics)
    }

    /// A budget of so many bytes.
    pub(super) fn new(size: usize, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared { size, taken: Mutex::default(), metrics }))
    }

    /// Nothing yet, for this holder to take more.
    pub(super) fn part(&self, holder: Holder) -> Part {
        Part::new(self.clone(), holder)
    }

    /// Takes so many bytes more, if the holder then has no more than is left.
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

    /// Takes them whether they are there or not: what is done already cannot be refused.
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
