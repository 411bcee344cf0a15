//! Looks up the name of a receiver before its call takes a place of the node, so that a DNS server that is silent keeps no such place.
//!
//! Nothing is connected to by this. An answer of DNS is kept where the call finds it (`names`), for half a second at least, and the call
//! judges the addresses to which it connects. A call that begins later may ask again.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use url::Host;

use super::call::Caller;
use super::failure::{Failure, Within};
use super::names::LONGEST_NEGATIVE_TTL;
use super::pool::Origin;
use rules::domain::called::{Called, Phases};
use rules::domain::target::TargetUrl;
use rules::policy::Destination;

/// A name of which no address was found: the failure of the call that needs one.
#[derive(Debug)]
pub struct Unfound {
    failure: Failure,
    began: Instant,
    ended: Instant,
}

impl Caller {
    /// Whether a call of this URL begins by looking up a name: its receiver has one, and no connection to it is kept.
    pub fn begins_with_lookup(&self, url: &TargetUrl) -> bool {
        let url = url.as_url();
        let Some(to) = Destination::of(url) else { return false };
        if !matches!(to.host, Host::Domain(_)) || self.policy.judge(&to).is_err() {
            return false;
        }
        // A name is judged before each call through a proxy.
        self.proxy.is_some() || !self.pool.keeps(&Origin { to, secure: url.scheme() == "https" })
    }

    /// Looks up the name of this URL, within the time that a call with this timeout has to connect.
    ///
    /// # Errors
    ///
    /// The failure of the call, if no address was found.
    pub async fn look_up(&self, url: &TargetUrl, of_call: Duration) -> Result<(), Unfound> {
        let Some(Destination { host: Host::Domain(name), .. }) = Destination::of(url.as_url()) else {
            return Ok(());
        };
        let (began, within) = (Instant::now(), self.connect_timeout(of_call));
        let found = timeout(within, self.names.addresses(&name)).await;
        match found.unwrap_or_else(|_| Err(silent(within))) {
            Ok(_) => Ok(()),
            Err(failure) => Err(Unfound { failure, began, ended: Instant::now() }),
        }
    }
}

impl Unfound {
    /// Whether the failure still holds. After that, DNS may know the name.
    pub fn is_recent(&self) -> bool {
        self.ended.elapsed() < LONGEST_NEGATIVE_TTL
    }

    /// The call that needs an address. Its duration is that of looking it up.
    pub fn called(self) -> Called {
        let phases = Phases { total: self.ended.duration_since(self.began), ..Phases::default() }.whole();
        Called { result: self.failure.into(), answer: None, phases }
    }
}

/// No DNS server has answered in this time.
pub(super) fn silent(within: Duration) -> Failure {
    Failure::NotSent(format!("no answer from DNS within {}", Within(within)))
}
