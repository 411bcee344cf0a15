//! This node's places for calls. No receiver, domain, address or flow has more than its share of them, so receivers that hang leave room
//! for receivers that answer.
//!
//! `rules::places` has the rule; this module does the waiting.
//!
//! **Invariant:** a place is given back by being dropped.

use std::hash::{BuildHasher as _, RandomState};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use rules::places::{Entered, Grant, Made, PlaceRequest, Shares, Waiter};

/// The memory that a call has for each of its places, in bytes. The call of a larger timer takes several.
const PLACE_BYTES: usize = 64 * 1_024;

/// No call takes more than this part of the node, however large its timer is. Otherwise it would not get its turn next to other calls.
const MOST_OF_NODE: usize = 4;

/// A timer that would wait longer than this for a place comes back later, since it takes memory while it waits.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// The receiver of a call, with the facts that decide about its places.
#[derive(Clone, Copy, Debug)]
pub struct Callee<'a> {
    /// The host, in the form in which hosts are compared.
    pub host: &'a str,
    pub port: u16,
    /// The key of the timer's flow, if it has one.
    pub flow: Option<&'a str>,
    /// The size of the timer's record, in bytes.
    pub bytes: usize,
}

/// The places of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Places {
    shares: Arc<Mutex<Shares<Waits>>>,
    /// The most places that a call takes.
    most_of_one: usize,
    /// Its keys are random: with known keys, a client could make names that collide and so share places.
    hasher: RandomState,
}

/// The places that a call has taken.
#[derive(Debug)]
pub struct Taken {
    places: Places,
    count: usize,
    grant: Option<Grant>,
    took_long: bool,
    made: Option<Made>,
}

impl<'a> Callee<'a> {
    /// The receiver that a wake names, by host and port. Wakes of older versions name none, and wait as if they had a common one.
    pub fn named(receiver: Option<&'a str>) -> Self {
        let (host, port) = receiver.and_then(|name| name.rsplit_once(':')).unwrap_or_default();
        Self { host, port: port.parse().unwrap_or_default(), flow: None, bytes: 0 }
    }
}

/// A call that waits; its places are sent to it.
#[derive(Debug)]
struct Waits(oneshot::Sender<Taken>);

impl Waiter for Waits {
    fn is_gone(&self) -> bool {
        self.0.is_closed()
    }
}

impl Places {
    /// Makes this number of places for calls, at least one, some of which are for receivers that answer quickly.
    pub fn new(count: usize) -> Self {
        Self::sharing(Shares::new(count), count)
    }

    /// Makes this number of places, at least one, for something other than calls, so that no receiver is known to be quick.
    pub fn alike(count: usize) -> Self {
        Self::sharing(Shares::alike(count), count)
    }

    fn sharing(shares: Shares<Waits>, count: usize) -> Self {
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
                // The place may have been given at this very moment.
                place.try_recv().ok()
            }
        }
    }

    /// Waits for a place for as long as that takes. `None` only if the places are dropped meanwhile, as at the end of a node.
    pub async fn turn(&self, callee: Callee<'_>) -> Option<Taken> {
        match self.ask(callee) {
            Ok(taken) => Some(taken),
            Err(place) => place.await.ok(),
        }
    }

    /// Takes places, or lines up; then they are sent to the returned channel.
    fn ask(&self, callee: Callee<'_>) -> Result<Taken, oneshot::Receiver<Taken>> {
        let (sender, place) = oneshot::channel();
        let wish = self.wish(&callee);
        let entered = self.lock().enter(wish, || Waits(sender));
        match entered {
            Entered::Now(grant) => Ok(self.taken(grant)),
            Entered::Waits => Err(place),
        }
    }

    fn wish(&self, Callee { host, port, flow, bytes }: &Callee<'_>) -> PlaceRequest {
        let site = self.hasher.hash_one(("site", site(host)));
        let flow = flow.map(|key| self.hasher.hash_one(("flow", key)));
        PlaceRequest {
            receiver: self.hasher.hash_one((host, port)),
            site,
            flow,
            places: self.places_of(*bytes),
        }
    }

    fn places_of(&self, bytes: usize) -> usize {
        (1 + bytes / PLACE_BYTES).min(self.most_of_one)
    }

    fn let_in(&self, waiters: Vec<(Waits, Grant)>) {
        for (Waits(waiter), grant) in waiters {
            // A place for a waiter that has just gone is dropped here, and given to the next one.
            drop(waiter.send(self.taken(grant)));
        }
    }

    fn taken(&self, grant: Grant) -> Taken {
        let count = grant.places();
        Taken { places: self.clone(), count, grant: Some(grant), took_long: false, made: None }
    }

    fn lock(&self) -> MutexGuard<'_, Shares<Waits>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Whether these places suffice for the call of a timer whose record has this many bytes.
    pub fn are_enough_for(&self, bytes: usize) -> bool {
        self.places.places_of(bytes) <= self.count
    }

    /// Notes that the call takes long.
    pub fn takes_long(&mut self) {
        self.took_long = true;
        if let Some(grant) = &mut self.grant {
            let let_in = self.places.lock().ages(grant);
            self.places.let_in(let_in);
        }
    }

    /// Notes that the call was made, and whether the receiver has answered.
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

/// The site of a host: receivers of a site may be held up by the same DNS server or machine. It is the last two labels of a name, or an
/// address. `co.uk` is not the domain of one owner, but its names only share places because of that.
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
    async fn a_timer_that_waits_gets_the_place_that_is_given_back_or_comes_back_later() {
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
    async fn a_place_for_a_timer_that_has_gone_is_given_to_the_next() {
        let places = Places::new(1);
        let first = places.enter(callee(1)).await.unwrap();
        let mut gone = Box::pin(places.enter(callee(2)));
        let mut next = Box::pin(places.enter(callee(3)));
        assert!(futures_util::poll!(&mut gone).is_pending() && futures_util::poll!(&mut next).is_pending());
        drop(first);
        // The place was given to this waiter, which goes without having heard of it.
        drop(gone);
        assert!(futures_util::poll!(&mut next).is_ready());
    }
}
