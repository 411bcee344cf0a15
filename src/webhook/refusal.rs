//! Whether a timer's target would be refused, found out without a call.

use std::time::Duration;

use url::Host;

use super::call::Caller;
use super::failure::Failure;
use rules::domain::target::TargetUrl;
use rules::policy::{Destination, Forbidden};

/// The longest time for which a name is looked up. If that does not suffice, the call finds out.
const LOOKUP: Duration = Duration::from_secs(5);

impl Caller {
    /// Why this node must not call this URL, as its name resolves now. `None` if it may, or if that is not known.
    pub async fn refuses(&self, url: &TargetUrl) -> Option<Forbidden> {
        let to = Destination::of(url.as_url())?;
        if let Err(refused) = self.policy.judge(&to) {
            return Some(refused);
        }
        let Host::Domain(name) = &to.host else { return None };
        let judging = async {
            match self.proxy {
                // The proxy chooses one of the addresses.
                Some(_) => self.names.judge_all(&to, name).await,
                None => Ok(self.names.permitted(&to, self.names.addresses(name).await?).map(drop)?),
            }
        };
        match tokio::time::timeout(LOOKUP, judging).await {
            Ok(Err(Failure::Forbidden(refused))) => Some(refused),
            Ok(
                Ok(())
                | Err(Failure::NotSent(_) | Failure::Here(_) | Failure::Gone(_) | Failure::NoAnswer(_)),
            )
            | Err(_) => None,
        }
    }
}
