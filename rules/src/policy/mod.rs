//! Which targets may be called: the rules of `--allow-targets` and `--deny-targets`, and the targets that are
//! refused without any rule.
//!
//! It looks nothing up: `webhook` asks it about every address before connecting to it, and `api` about the parts that are visible in
//! a URL.
//!
//! **Invariant:** a name never opens an address. The owner of a name decides where it leads, so only a
//! rule with a network lets a special address be called.

mod embedded;
mod meaning;
mod others;
mod ports;
mod rule;
mod special;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

pub use others::Others;
pub use rule::Rule;

/// The reason why a target must not be called, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Forbidden(String);

/// The host and port that a URL connects to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The host in lower case, without a dot at its end.
    pub host: Host<String>,
    /// The port, by default that of the scheme.
    pub port: u16,
}

impl Destination {
    /// The destination of an `http` or `https` URL; `None` for any other URL.
    pub fn of(url: &Url) -> Option<Self> {
        let host = match url.host()? {
            Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_ascii_lowercase()),
            Host::Ipv4(address) => Host::Ipv4(address),
            Host::Ipv6(address) => Host::Ipv6(address),
        };
        Some(Self { host, port: url.port_or_known_default()? })
    }

    /// The address, if the URL names one.
    pub fn literal(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        }
    }

    /// Whether the name means this machine itself, whatever DNS says (RFC 6761, 6.3).
    fn is_localhost(&self) -> bool {
        matches!(&self.host, Host::Domain(name) if name == "localhost" || name.ends_with(".localhost"))
    }
}

/// Decides which targets may be called.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    allow: Vec<Rule>,
    deny: Vec<Rule>,
    only_allowed: bool,
}

impl Policy {
    /// A policy of these rules; with `only_allowed`, it allows only targets that a rule of `allow` fits.
    ///
    /// # Errors
    ///
    /// If a rule of `allow` opens nothing, since its author cannot have meant that.
    pub fn new(allow: Vec<Rule>, deny: Vec<Rule>, only_allowed: bool) -> Result<Self, String> {
        if let Some(idle) = allow.iter().find(|rule| !only_allowed && !rule.has_net() && !rule.has_ports()) {
            return Err(format!(
                "--allow-targets {idle} has no effect: names may be called anyway, and only networks open addresses, as in \
                 {idle}@10.0.0.0/8. To allow nothing else, add --only-allowed-targets"
            ));
        }
        if only_allowed && allow.is_empty() {
            return Err("--only-allowed-targets needs --allow-targets, or nothing may be called".to_owned());
        }
        Ok(Self { allow, deny, only_allowed })
    }

    /// Opens networks in addition to the given rules.
    pub fn open(&mut self, networks: impl IntoIterator<Item = Rule>) {
        self.allow.extend(networks);
    }

    /// Judges the parts that are visible before any name is looked up.
    ///
    /// # Errors
    ///
    /// The reason, if the target is forbidden at every address.
    pub fn judge(&self, to: &Destination) -> Result<(), Forbidden> {
        if let Some(address) = to.literal() {
            return self.judge_address(to, address);
        }
        if to.is_localhost() {
            let [v4, v6] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            return self.judge_address(to, v4).or_else(|why| self.judge_address(to, v6).map_err(|_| why));
        }
        if let Some(rule) = self.deny.iter().find(|rule| !rule.has_net() && rule.fits_host(&to.host, to.port))
        {
            return Err(denied(to, rule));
        }
        let mut allowing = self.allow.iter().filter(|rule| rule.fits_host(&to.host, to.port));
        if ports::is_blocked(to.port) && !allowing.clone().any(Rule::has_ports) {
            return Err(blocked(to.port));
        }
        if self.only_allowed && allowing.next().is_none() {
            return Err(not_allowed(to));
        }
        Ok(())
    }

    /// Judges one address of a destination.
    ///
    /// # Errors
    ///
    /// The reason, if the address must not be connected to.
    pub fn judge_address(&self, to: &Destination, address: IpAddr) -> Result<(), Forbidden> {
        let deny = self.deny.iter().find(|rule| {
            rule.fits_host(&to.host, to.port) && forms(address).any(|form| rule.fits_address(form))
        });
        if let Some(rule) = deny {
            return Err(denied(to, rule));
        }
        let allowing = || {
            self.allow.iter().filter(|rule| rule.fits_host(&to.host, to.port) && rule.fits_address(address))
        };
        if ports::is_blocked(to.port) && !allowing().any(Rule::has_ports) {
            return Err(blocked(to.port));
        }
        if let Some(what) = special::what(address)
            && !allowing().any(Rule::has_net)
        {
            let whose = if to.literal().is_some() { String::new() } else { format!("{} is at ", to.host) };
            return Err(Forbidden(format!(
                "{whose}{address}, which is {what} and may be called only if --allow-targets includes it"
            )));
        }
        if self.only_allowed && allowing().next().is_none() {
            return Err(not_allowed(to));
        }
        Ok(())
    }
}

/// An address, and the IPv4 addresses inside it.
fn forms(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let inside = match address.to_canonical() {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(embedded::ipv4_inside(address).map(IpAddr::V4)),
    };
    std::iter::once(address).chain(inside.into_iter().flatten())
}

fn denied(to: &Destination, rule: &Rule) -> Forbidden {
    Forbidden(format!("{}:{} is denied by --deny-targets {rule}", to.host, to.port))
}

fn blocked(port: u16) -> Forbidden {
    Forbidden(format!(
        "port {port} belongs to another protocol and may be called only if --allow-targets names it"
    ))
}

fn not_allowed(to: &Destination) -> Forbidden {
    Forbidden(format!("{}:{} is not among --allow-targets, and nothing else may be called", to.host, to.port))
}

#[cfg(test)]
mod tests;
