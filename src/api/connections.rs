//! Knows the open connections, and which of them makes way for a new one when there are too many.
//!
//! A connection rests while no request is being answered on it: before its first one, between two, and while a head comes. Among the
//! resting connections that have never shown a good token, the one that has rested longest makes way. So a client without a token keeps no
//! other client out, however often it asks for what is open to all. A client with a token keeps its connections, and finds no place only if
//! all places are taken by such clients.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{AbortHandle, AbortRegistration, Abortable};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::foundation::metrics::{Closed, Metrics};

/// All connections of a listener. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    /// The most connections of one address, if there is such a limit.
    per_address: Option<usize>,
    open: Arc<Mutex<Open>>,
    /// Notified when another connection rests that may make way.
    rests: Arc<Notify>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Open {
    /// Counts connections and rests, so a larger number is a later one.
    count: u64,
    connections: HashMap<u64, Entry>,
    /// The connections that may make way, by when they began to rest.
    resting: BTreeMap<u64, u64>,
    /// How many connections an address has, and the rests of those that may make way.
    addresses: HashMap<IpAddr, (usize, BTreeSet<u64>)>,
}

struct Entry {
    address: IpAddr,
    /// Whether the connection has shown a good token.
    is_known: bool,
    /// How many requests are being answered.
    answering: usize,
    /// Since when the connection rests, if it may make way.
    rests: Option<u64>,
    closed: AbortHandle,
}

/// An open connection. It counts as closed once this is dropped.
pub(super) struct Connection {
    of: Connections,
    id: u64,
    /// Whether the connection is to make way; `None` once that ends what runs on it.
    closed: Option<AbortRegistration>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connections {
    pub(super) fn new(most: usize, per_address: Option<usize>, metrics: Arc<Metrics>) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Self { places, per_address, open: Arc::default(), rests: Arc::default(), metrics }
    }

    /// Waits for a place for a connection of this address; `None` if the address has as many as it may, and none of them makes way.
    pub(super) async fn enter(&self, address: IpAddr) -> Option<Connection> {
        let address = address.to_canonical();
        if self.per_address.is_some_and(|most| self.lock().of(address) >= most) {
            self.metrics.http.closed.count(Closed::Address);
            // The new connection is more likely to be of use than one that rests.
            if !self.lock().makes_way(Some(address)) {
                return None;
            }
        }
        let place = self.place().await;
        let (close, closed) = AbortHandle::new_pair();
        let id = self.lock().add(address, close);
        Some(Connection { of: self.clone(), id, closed: Some(closed), _place: place })
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return Some(place);
            }
            let waiting = self.places.clone().acquire_owned();
            if self.lock().makes_way(None) {
                self.metrics.http.closed.count(Closed::Resting);
                return waiting.await.ok();
            }
            tokio::select! {
                place = waiting => return place.ok(),
                () = self.rests.notified() => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn of(&self, address: IpAddr) -> usize {
        self.addresses.get(&address).map_or(0, |(count, _)| *count)
    }

    fn add(&mut self, address: IpAddr, closed: AbortHandle) -> u64 {
        self.count += 1;
        let id = self.count;
        self.addresses.entry(address).or_default().0 += 1;
        self.connections.insert(id, Entry { address, is_known: false, answering: 0, rests: None, closed });
        self.rest(id);
        id
    }

    /// Lets the connection rest from now on. It may make way unless it is known.
    fn rest(&mut self, id: u64) -> bool {
        self.count += 1;
        let Some(entry) = self.connections.get_mut(&id) else { return false };
        if entry.is_known || entry.answering > 0 {
            return false;
        }
        entry.rests = Some(self.count);
        self.resting.insert(self.count, id);
        self.addresses.entry(entry.address).or_default().1.insert(self.count);
        true
    }

    fn no_rest(&mut self, id: u64) {
        let Some(entry) = self.connections.get_mut(&id) else { return };
        if let Some(since) = entry.rests.take() {
            self.resting.remove(&since);
            if let Some((_, resting)) = self.addresses.get_mut(&entry.address) {
                resting.remove(&since);
            }
        }
    }

    fn remove(&mut self, id: u64) {
        self.no_rest(id);
        let Some(entry) = self.connections.remove(&id) else { return };
        if let Some((count, _)) = self.addresses.get_mut(&entry.address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&entry.address);
            }
        }
    }

    /// Makes the connection close that has rested longest (of this address, if one is given), and says whether there is one.
    fn makes_way(&mut self, address: Option<IpAddr>) -> bool {
        let since = match address {
            None => self.resting.keys().next().copied(),
            Some(address) => self.addresses.get(&address).and_then(|(_, resting)| resting.first().copied()),
        };
        let Some(id) = since.and_then(|since| self.resting.get(&since).copied()) else { return false };
        if let Some(entry) = self.connections.get(&id) {
            entry.closed.abort();
        }
        self.remove(id);
        true
    }
}

impl Connection {
    /// Runs `served` to its end; `None` if the connection is to make way before. Not an `async fn`, which would have room for `served`
    /// twice.
    pub(super) fn until_closed<F: Future>(
        &mut self,
        served: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        let closed = self.closed.take().unwrap_or_else(|| AbortHandle::new_pair().1);
        Abortable::new(served, closed).map(Result::ok)
    }

    /// A handle that notes the requests on this connection.
    pub(super) fn requests(&self) -> Requests {
        Requests { of: self.of.clone(), id: self.id }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.of.lock().remove(self.id);
    }
}

/// Notes the requests on a connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Requests {
    of: Connections,
    id: u64,
}

impl Requests {
    /// Notes that a request begins; `None` if the connection makes way already.
    pub(super) fn begin(&self) -> Option<Answering> {
        let mut open = self.of.lock();
        open.no_rest(self.id);
        open.connections.get_mut(&self.id)?.answering += 1;
        Some(Answering { requests: self.clone() })
    }
}

/// A request that is being answered, until this is dropped.
pub(super) struct Answering {
    requests: Requests,
}

impl Answering {
    /// Notes that the connection has shown a good token.
    pub(super) fn is_known(&self) {
        if let Some(entry) = self.requests.of.lock().connections.get_mut(&self.requests.id) {
            entry.is_known = true;
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let Requests { of, id } = &self.requests;
        let mut open = of.lock();
        if let Some(entry) = open.connections.get_mut(id) {
            entry.answering -= 1;
        }
        if open.rest(*id) {
            of.rests.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::foundation::metrics::Parts;

    const A: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn connections(most: usize, per_address: Option<usize>) -> Connections {
        Connections::new(most, per_address, Arc::new(Metrics::new("1", Parts::default())))
    }

    async fn entered(connections: &Connections, address: IpAddr) -> Connection {
        connections.enter(address).await.expect("a place")
    }

    fn is_closed(connection: &Connection) -> bool {
        connection.closed.as_ref().is_some_and(|closed| closed.handle().is_aborted())
    }

    /// Returns the new connection once the one that makes way for it is gone.
    async fn after_one_that_goes(connections: &Connections, goes: Connection) -> Connection {
        let mut entering = Box::pin(connections.enter(A));
        assert!(entering.as_mut().now_or_never().is_none(), "there is no place yet");
        assert!(is_closed(&goes));
        drop(goes);
        entering.await.expect("a place")
    }

    #[tokio::test]
    async fn the_one_that_has_rested_longest_without_a_token_makes_way() {
        let connections = connections(3, None);
        let (one, two, three) =
            (entered(&connections, A).await, entered(&connections, A).await, entered(&connections, A).await);
        // The first connection has shown a token, the second one had a request lately.
        one.requests().begin().expect("it is open").is_known();
        drop(two.requests().begin().expect("it is open"));
        let four = after_one_that_goes(&connections, three).await;
        let five = after_one_that_goes(&connections, two).await;
        assert!(!is_closed(&one));
        drop((four, five));
        assert!(connections.enter(A).now_or_never().flatten().is_some());
        drop(one);
        assert!(connections.lock().connections.is_empty() && connections.lock().addresses.is_empty());
    }

    #[tokio::test]
    async fn nothing_makes_way_that_is_being_answered_until_it_rests() {
        let connections = connections(1, None);
        let one = entered(&connections, A).await;
        let request = one.requests().begin().expect("it is open");
        let mut entering = Box::pin(connections.enter(B));
        assert!(entering.as_mut().now_or_never().is_none() && !is_closed(&one));
        drop(request);
        assert!(entering.as_mut().now_or_never().is_none() && is_closed(&one));
        assert!(one.requests().begin().is_none(), "a request that comes now is not begun");
        drop(one);
        assert!(entering.await.is_some());
    }

    #[tokio::test]
    async fn an_address_has_no_more_than_it_may() {
        let connections = connections(10, Some(2));
        let (one, two) = (entered(&connections, A).await, entered(&connections, A).await);
        for connection in [&one, &two] {
            connection.requests().begin().expect("it is open").is_known();
        }
        assert!(connections.enter(A).await.is_none());
        let (three, four) = (entered(&connections, B).await, entered(&connections, B).await);
        let five = entered(&connections, B).await;
        assert!(is_closed(&three) && !is_closed(&four) && !is_closed(&five));
    }
}
