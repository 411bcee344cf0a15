//! Connections to receivers: on which one a call goes, and which are kept for the next calls.
//!
//! **Invariants:** a connection of HTTP/1.1 carries one call at a time, and another one only if its receiver is trusted
//! (`trust`). A connection of HTTP/2 carries no more calls than the receiver allows, and no new one once it is to end.

mod avoided;
mod ration;
mod site;
mod trust;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::futures::OwnedNotified;

use super::dial::Dialer;
use super::failure::Failure;
use super::trace::Trace;
use super::{http1, http2};
use crate::foundation::metrics::Task;
use crate::foundation::tasks::Tasks;
use rules::policy::Destination;
use site::{PATIENCE, Ready, Site};

/// How often idle connections are checked.
const TIDY_EVERY: Duration = Duration::from_millis(125);

/// The most receivers that are remembered. With more, those without a connection are forgotten.
const MOST_SITES: usize = 16_384;

/// The other end of a connection: a destination, and whether TLS is spoken with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) to: Destination,
    pub(super) secure: bool,
}

/// The connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool {
    sites: Sites,
    dialer: Arc<Dialer>,
    tasks: Tasks,
}

#[derive(Clone, Default)]
struct Sites(Arc<Mutex<HashMap<Arc<Origin>, Site>>>);

/// A connection for one call.
pub(super) enum Lease {
    One(Kept),
    Shared(Shared),
}

/// A connection of HTTP/1.1 for one call.
pub(super) struct Kept {
    pub(super) connection: http1::Connection,
    rest: Duration,
    /// The shape of the path that is called.
    shape: u64,
    origin: Arc<Origin>,
    sites: Sites,
}

/// A place on a connection of HTTP/2.
pub(super) struct Shared {
    pub(super) place: http2::Place,
    origin: Arc<Origin>,
    sites: Sites,
}

/// How a call gets a connection.
enum Way {
    Ready(Ready),
    Wait(OwnedNotified),
    Dial { offers_http2: bool, avoid: Vec<SocketAddr> },
}

/// Counts a call that waits for a connection, or makes one, until it is dropped.
struct Counted {
    count: Count,
    origin: Arc<Origin>,
    sites: Sites,
}

enum Count {
    Waiting,
    Dialing,
}

impl Pool {
    pub(super) fn new(dialer: Dialer, tasks: &Tasks) -> Self {
        let sites = Sites::default();
        let tidied = Arc::downgrade(&sites.0);
        tasks.one_of_many(Task::Receiver, None, async move {
            loop {
                tokio::time::sleep(TIDY_EVERY).await;
                let Some(sites) = tidied.upgrade() else { return };
                let now = Instant::now();
                Sites(sites).all(|sites| sites.retain(|_, site| !site.tidy(now)));
            }
        });
        Self { sites, dialer: Arc::new(dialer), tasks: tasks.clone() }
    }

    /// Whether a connection is kept that the next call may take.
    pub(super) fn keeps(&self, origin: &Origin) -> bool {
        self.sites.all(|sites| sites.get(origin).is_some_and(Site::keeps_some))
    }

    /// A connection for one call of a path of this shape: an existing one, or else a new one.
    pub(super) async fn take(
        &self,
        origin: &Arc<Origin>,
        shape: u64,
        trace: &Trace,
    ) -> Result<Lease, Failure> {
        loop {
            let now = Instant::now();
            let way = self.sites.at(origin, |site| match site.take(now) {
                Some(ready) => Way::Ready(ready),
                None if site.waits(now) => {
                    site.waiting += 1;
                    Way::Wait(site.change.clone().notified_owned())
                }
                None => Way::Dial { offers_http2: site.dials(now), avoid: site.avoided.addresses(now) },
            });
            match way {
                Way::Ready(ready) => return Ok(self.lease(origin, shape, ready)),
                Way::Wait(change) => {
                    let _waiting = self.counted(Count::Waiting, origin);
                    // The loop looks again whether there was a change.
                    let _ = tokio::time::timeout(PATIENCE / 4, change).await;
                }
                Way::Dial { offers_http2, avoid } => {
                    return self.dial(origin, shape, offers_http2, &avoid, trace).await;
                }
            }
        }
    }

    async fn dial(
        &self,
        origin: &Arc<Origin>,
        shape: u64,
        offers_http2: bool,
        avoid: &[SocketAddr],
        trace: &Trace,
    ) -> Result<Lease, Failure> {
        let dialing = self.counted(Count::Dialing, origin);
        let dialed = self.dialer.dial(origin, offers_http2, avoid, trace).await?;
        if !dialed.behind.is_empty() {
            self.sites.at(origin, |site| site.avoided.note(&dialed.behind, Instant::now()));
        }
        if !dialed.speaks_http2 {
            self.sites.at(origin, Site::speaks_http1);
            let connection = http1::Connection::new(dialed.wire);
            return Ok(self.lease(origin, shape, Ready::One(connection, dialed.took)));
        }
        // Other calls wait until it is known how many calls the connection takes.
        let connection = http2::Connection::start(dialed.wire, &self.tasks, move || drop(dialing)).await?;
        let place = connection.first_place();
        self.sites.at(origin, |site| site.share(connection, Instant::now()));
        Ok(self.lease(origin, shape, Ready::Shared(place)))
    }

    fn lease(&self, origin: &Arc<Origin>, shape: u64, ready: Ready) -> Lease {
        let (origin, sites) = (origin.clone(), self.sites.clone());
        match ready {
            Ready::One(connection, rest) => Lease::One(Kept { connection, rest, shape, origin, sites }),
            Ready::Shared(place) => Lease::Shared(Shared { place, origin, sites }),
        }
    }

    fn counted(&self, count: Count, origin: &Arc<Origin>) -> Counted {
        Counted { count, origin: origin.clone(), sites: self.sites.clone() }
    }
}

impl Sites {
    fn at<T>(&self, origin: &Arc<Origin>, then: impl FnOnce(&mut Site) -> T) -> T {
        self.all(|sites| {
            if let Some(site) = sites.get_mut(origin) {
                return then(site);
            }
            if sites.len() >= MOST_SITES {
                sites.retain(|_, site| !site.is_empty());
            }
            then(sites.entry(origin.clone()).or_insert_with(|| Site::new(Instant::now())))
        })
    }

    fn all<T>(&self, then: impl FnOnce(&mut HashMap<Arc<Origin>, Site>) -> T) -> T {
        then(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    /// Ends the call's use of the connection, whether it went well or not.
    pub(super) fn give_back(self) {
        let Self { connection, rest, shape, origin, sites } = self;
        sites.at(&origin, |site| site.give_back(connection, rest, shape, Instant::now()));
    }
}

impl Shared {
    /// Remembers why the receiver did not take this call: it takes only some calls on a connection, or wants HTTP/1.1.
    pub(super) fn learn(&self, error: &Failure) {
        if self.place.is_http1_wanted() {
            return self.sites.at(&self.origin, Site::wants_http1);
        }
        match error {
            Failure::Gone(_) | Failure::NotSent(_) => {
                if let Some(taken) = self.place.taken_before_going() {
                    self.sites.at(&self.origin, |site| site.ration.ended(taken));
                }
            }
            Failure::NoAnswer(_) => {
                if let Some((answered, idle)) = self.place.broken_off() {
                    self.sites.at(&self.origin, |site| site.ration.broke_off(answered, idle, Instant::now()));
                }
            }
            Failure::Here(_) | Failure::Forbidden(_) => {}
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.sites.at(&self.origin, |site| match self.count {
            Count::Waiting => site.waiting -= 1,
            Count::Dialing => site.has_dialed(),
        });
    }
}
