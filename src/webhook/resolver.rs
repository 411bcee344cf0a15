//! Looks up names of receivers, and lets through only addresses that may be called.
//!
//! Asynchronous, so that slow lookups hold up nobody: the system's own function takes a thread for each. It reads
//! what that function reads, `/etc/resolv.conf` and `/etc/hosts`, once, at the start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;

use super::connecting::NoCall;
use super::trace::CALL;
use crate::policy::{Destination, Forbidden, Policy};

/// How long an answer of DNS is believed, whatever it says: a receiver that moves is found after this.
const LONGEST_TTL: Duration = Duration::from_secs(60);

/// How long it is believed that a name is not there. An attempt is repeated after a second by default, and it
/// is to ask anew.
const LONGEST_NEGATIVE_TTL: Duration = Duration::from_millis(500);

/// Names whose addresses are kept.
const CACHED_NAMES: u64 = 4_096;

/// Questions to one server that are open at once. Above this the resolver fails at once; lookups are bounded by
/// the calls of a node, of which there are at most 16,384, with two questions each.
const OPEN_QUESTIONS: usize = 32_768;

/// A name that could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up {name}: {why}")]
pub(super) struct NotFound {
    name: String,
    why: String,
}

/// Looks up names. Cheap to clone.
#[derive(Clone)]
pub(super) struct Names {
    resolver: TokioResolver,
    policy: Arc<Policy>,
    /// Every connection goes to a proxy, which is the operator's and is not judged.
    proxied: bool,
}

impl Names {
    /// A resolver that asks `servers`, or else the system's.
    pub(super) fn new(servers: &[SocketAddr], policy: Arc<Policy>, proxied: bool) -> Result<Self> {
        let (config, mut options) =
            if servers.is_empty() { of_system() } else { (asking(servers), ResolverOpts::default()) };
        // The client tries addresses in turn, and the other family after 300 ms; where there is no IPv6, that is
        // found out at every call.
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.positive_max_ttl = Some(LONGEST_TTL);
        options.negative_max_ttl = Some(LONGEST_NEGATIVE_TTL);
        options.cache_size = CACHED_NAMES;
        options.max_active_requests = OPEN_QUESTIONS;
        let provider = TokioRuntimeProvider::default();
        let resolver = TokioResolver::builder_with_config(config, provider).with_options(options).build();
        Ok(Self { resolver: resolver.context("cannot set up the resolver of names")?, policy, proxied })
    }

    /// The addresses of a name, IPv4 first.
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NotFound> {
        match self.resolver.lookup_ip(name).await {
            Ok(found) => Ok(found.iter().collect()),
            Err(error) => Err(NotFound { name: name.to_owned(), why: error.to_string() }),
        }
    }

    /// Judges all addresses of a name, of which somebody else chooses one.
    pub(super) async fn judge_all(
        &self,
        to: &Destination,
        name: &str,
    ) -> Result<Result<(), Forbidden>, NotFound> {
        let addresses = self.addresses(name).await?;
        Ok(addresses.into_iter().try_for_each(|address| self.policy.judge_address(to, address)))
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let call = CALL.try_with(Arc::clone);
        let names = self.clone();
        Box::pin(async move {
            let call = call.map_err(|_| NoCall)?;
            let begun = Instant::now();
            let found = names.addresses(name.as_str()).await?;
            call.resolved(begun.elapsed());
            let addresses = if names.proxied { found } else { permitted(&names.policy, &call.to, found)? };
            // The client puts the port in.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// Those of the addresses that may be called, if there is one.
fn permitted(policy: &Policy, to: &Destination, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, Forbidden> {
    let mut refused = None;
    let mut permitted = vec![];
    for address in found {
        match policy.judge_address(to, address) {
            Ok(()) => permitted.push(address),
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    match refused {
        Some(why) if permitted.is_empty() => Err(why),
        Some(_) | None => Ok(permitted),
    }
}

fn of_system() -> (ResolverConfig, ResolverOpts) {
    match hickory_resolver::system_conf::read_system_conf() {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(
                %error,
                "cannot tell the system's DNS servers, so one on this machine is asked; name others with --dns-server"
            );
            // As resolv.conf(5) has it.
            (asking(&[SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53)]), ResolverOpts::default())
        }
    }
}

fn asking(servers: &[SocketAddr]) -> ResolverConfig {
    let servers = servers.iter().map(|address| {
        let mut server = NameServerConfig::udp_and_tcp(address.ip());
        for connection in &mut server.connections {
            connection.port = address.port();
        }
        server
    });
    ResolverConfig::from_name_servers(servers.collect())
}
