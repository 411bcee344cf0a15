//! This node's places for calls, of which no receiver, domain, address or flow has more than its share: those that hang leave room for
//! those that answer.
//!
//! The rule is in `shares`; here is the waiting.
//!
//! **Invariant:** a place is given back by being dropped.

mod receiver;
mod shares;

use std::hash::{BuildHasher as _, RandomState};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use receiver::{Made, Waiter, Wish};
use shares::{Entered, Grant, Shares};

/// The memory that a call has for each of its places, in bytes: the call of a larger timer takes several.
const PLACE_BYTES: usize = 64 * 1_024;

/// No call takes more than this part of the node, however large its timer is: it could not have its turn beside others.
const MOST_OF_NODE: usize = 4;

/// A timer that would wait longer than this for a place comes back later: while it waits it takes memory.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// Which receiver a call is for.
#[derive(Clone, Copy, Debug)]
pub struct Callee<'a> {
    /// The host, in the form by which hosts are compared.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// The key of the timer's flow, if it has one.
    pub flow: Option<&'a str>,
    /// How large the timer's record is, in bytes.
    pub bytes: usize,
}

/// The places. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Places {
    shares: Arc<Mutex<Shares<oneshot::Sender<Taken>>>>,
    /// How many a call takes at most.
    most_of_one: usize,
    /// Names that are made to collide would share places.
    hasher: RandomState,
}

/// The places of a call, which are taken.
#[derive(Debug)]
pub struct Taken {
    places: Places,
    count: usize,
    grant: Option<Grant>,
    took_long: bool,
    made: Option<Made>,
}

impl Waiter for oneshot::Sender<Taken> {
    fn is_gone(&self) -> bool {
        self.is_closed()
    }
}

impl Places {
    /// So many places for calls, at least one, some of which are for receivers that answer quickly.
    pub fn new(count: usize) -> Self {
        Self::sharing(Shares::new(count), count)
    }

    /// So many places, at least one, which are not for calls: how these go is not known.
    pub fn alike(count: usize) -> Self {
        Self::sharing(Shares::alike(count), count)
    }

    fn sharing(shares: Shares<oneshot::Sender<Taken>>, count: usize) -> Self {
        let most_of_one = (count / MOST_OF_NODE).max(1);
        Self { shares: Arc::new(Mutex::new(shares)), most_of_one, hasher: RandomState::new() }
    }

    /// Waits for the places of a call, but not for long: `None` if the call has to be made later.
    pub async fn enter(&self, callee: Callee<'_>) -> Option<Taken> {
        let mut place = match self.ask(callee) {
            Ok(taken) => return Some(taken),
            Err(place) => place,
        };
        match timeout(MAX_WAIT, &mut place).await {
            Ok(taken) => taken.ok(),
            Err(_) => {
                place.close();
                let let_in = self.lock().let_in();
                self.let_in(let_in);
                // It may have been given in this very moment.
                place.try_recv().ok()
            }
        }
    }

    /// Waits for a place for as long as that takes. `None` only if the places are forgotten meanwhile, as when a node has ended.
    pub async fn turn(&self, callee: Callee<'_>) -> Option<Taken> {
        match self.ask(callee) {
            Ok(taken) => Some(taken),
            Err(place) => place.await.ok(),
        }
    }

    /// Takes places, or waits in line for what is sent then.
    fn ask(&self, callee: Callee<'_>) -> Result<Taken, oneshot::Receiver<Taken>> {
        let (sender, place) = oneshot::channel();
        let wish = self.wish(&callee);
        let entered = self.lock().enter(wish, || sender);
        match entered {
            Entered::Now(grant) => Ok(self.taken(grant)),
            Entered::Waits => Err(place),
        }
    }

    fn wish(&self, Callee { host, port, flow, bytes }: &Callee<'_>) -> Wish {
        let site = self.hasher.hash_one(("site", site(host)));
        let flow = flow.map(|key| self.hasher.hash_one(("flow", key)));
        Wish { receiver: self.hasher.hash_one((host, port)), site, flow, places: self.places_of(*bytes) }
    }

    fn places_of(&self, bytes: usize) -> usize {
        (1 + bytes / PLACE_BYTES).min(self.most_of_one)
    }

    fn let_in(&self, waiters: Vec<(oneshot::Sender<Taken>, Grant)>) {
        for (waiter, grant) in waiters {
            // A place for one that has just gone is dropped here, and given to the next.
            drop(waiter.send(self.taken(grant)));
        }
    }

    fn taken(&self, grant: Grant) -> Taken {
        let count = grant.places();
        Taken { places: self.clone(), count, grant: Some(grant), took_long: false, made: None }
    }

    fn lock(&self) -> MutexGuard<'_, Shares<oneshot::Sender<Taken>>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Whether these are as many places as the call of a timer takes whose record has so many bytes.
    pub fn are_enough_for(&self, bytes: usize) -> bool {
        self.places.places_of(bytes) <= self.count
    }

    /// The call takes long.
    pub fn takes_long(&mut self) {
        self.took_long = true;
        if let Some(grant) = &mut self.grant {
            let let_in = self.places.lock().ages(grant);
            self.places.let_in(let_in);
        }
    }

    /// The call was made, and the receiver has answered or not.
    pub fn made(&mut self, was_answered: bool) {
        self.made = Some(Made { was_quick: !self.took_long, was_answered });
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(grant) = self.grant.take() else { return };
        let let_in = self.places.lock().give_back(grant, self.made);
        self.places.let_in(let_in);
    }
}

/// What receivers have in common that one DNS server or one machine may hold up: the last two labels of a name, or an address. That
/// `co.uk` is no domain of one owner costs its names no more than that they share places.
fn site(host: &str) -> &str {
    let is_address = host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
    let second_dot = host.rmatch_indices('.').nth(1).filter(|_| !is_address);
    second_dot.map_or(host, |(at, _)| &host[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callee(port: u16) -> Callee<'static> {
        Callee { host: "localhost", port, flow: None, bytes: 0 }
    }

    #[test]
    fn names_of_one_domain_and_ports_of_one_address_are_of_one_site() {
        for (host, expected) in [
            ("hooks.shop.example.com", "example.com"),
            ("example.com", "example.com"),
            ("localhost", "localhost"),
            ("10.1.2.3", "10.1.2.3"),
            ("[2001:db8::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(site(host), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_the_place_that_is_given_back_or_comes_back_later() {
        let places = Places::new(1);
        let first = places.enter(callee(1)).await.unwrap();
        assert!(places.enter(callee(2)).await.is_none(), "it waits for a while");
        let second = places.clone();
        let (second, ()) = tokio::join!(async { second.enter(callee(2)).await }, async {
            tokio::task::yield_now().await;
            drop(first);
        });
        assert!(second.is_some());
    }

    #[tokio::test]
    async fn a_place_for_one_who_has_gone_is_given_to_the_next() {
        let places = Places::new(1);
        let first = places.enter(callee(1)).await.unwrap();
        let mut gone = Box::pin(places.enter(callee(2)));
        let mut next = Box::pin(places.enter(callee(3)));
        assert!(futures_util::poll!(&mut gone).is_pending() && futures_util::poll!(&mut next).is_pending());
        drop(first);
        // It was given to the one that goes without having heard of it.
        drop(gone);
        assert!(futures_util::poll!(&mut next).is_ready());
    }
}
