//! Looks up names of receivers, and lets through only addresses that may be called.
//!
//! Asynchronous, so that slow lookups hold up nobody: the system's own function takes a thread for each. It reads
//! what that function reads, `/etc/resolv.conf` and `/etc/hosts`, once, at the start.

mod servers;
mod why;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use hickory_resolver::Hosts;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};

use super::failure::Failure;
use crate::domain::dns_name;
use crate::policy::{Destination, Forbidden, Policy};
use servers::Servers;
use why::why;

/// How long an answer of DNS is believed, whatever it says: a receiver that moves is found after this.
const LONGEST_TTL: Duration = Duration::from_secs(60);

/// How long it is believed that a name is not there. An attempt is repeated after a second by default, and it
/// is to ask anew.
const LONGEST_NEGATIVE_TTL: Duration = Duration::from_millis(500);

/// How long addresses of the other kind are waited for once there are some (RFC 8305, 3): there are DNS servers
/// that never say that a name has no IPv6 address.
const OTHER_KIND: Duration = Duration::from_millis(50);

/// Names whose addresses are kept, of each server.
const CACHED_NAMES: u64 = 4_096;

/// Questions to one server that are open at once. Above this the resolver fails at once; lookups are bounded by
/// the calls of a node, of which there are at most 16,384, with two questions each.
const OPEN_QUESTIONS: usize = 32_768;

/// Looks up names. Cheap to clone.
#[derive(Clone)]
pub(super) struct Names {
    servers: Servers,
    hosts: Arc<Hosts>,
    policy: Arc<Policy>,
}

impl Names {
    /// Asks `servers`, or else the system's.
    pub(super) fn new(servers: &[SocketAddr], policy: Arc<Policy>) -> Result<Self> {
        let (config, mut options) =
            if servers.is_empty() { of_system() } else { (asking(servers), ResolverOpts::default()) };
        // A name that is in the file is not asked for, as in the system's own resolver.
        options.use_hosts_file = ResolveHosts::Never;
        let hosts = Hosts::from_system().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the system's file of hosts");
            Hosts::default()
        });
        options.positive_max_ttl = Some(LONGEST_TTL);
        options.negative_max_ttl = Some(LONGEST_NEGATIVE_TTL);
        options.cache_size = CACHED_NAMES;
        options.max_active_requests = OPEN_QUESTIONS;
        Ok(Self { servers: Servers::new(&config, &options)?, hosts: Arc::new(hosts), policy })
    }

    /// The addresses of a name, IPv4 first: that a network has no IPv6 would be found out at every call.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        let not_found = |why: String| Failure::NotSent(format!("{why} ({name})"));
        let parsed = parsed(name).map_err(|error| not_found(error.to_string()))?;
        let listed = [RecordType::A, RecordType::AAAA]
            .map(|kind| self.hosts.lookup_static_host(&Query::query(parsed.clone(), kind)).map(Ok));
        if listed.iter().any(Option::is_some) {
            return Ok(addresses(&listed));
        }
        let [v4, v6] =
            [RecordType::A, RecordType::AAAA].map(|kind| self.servers.lookup(parsed.clone(), kind).boxed());
        let (Either::Left((first, other)) | Either::Right((first, other))) = select(v4, v6).await;
        let first = Some(first);
        let second = if addresses([&first]).is_empty() {
            Some(other.await)
        } else {
            tokio::time::timeout(OTHER_KIND, other).await.ok()
        };
        let found = addresses([&first, &second]);
        if found.is_empty() {
            let errors = [&first, &second].into_iter().flatten().filter_map(|answer| answer.as_ref().err());
            return Err(not_found(why(errors)));
        }
        Ok(found)
    }

    /// Judges all addresses of a name, of which somebody else chooses one.
    pub(super) async fn judge_all(&self, to: &Destination, name: &str) -> Result<(), Failure> {
        let addresses = self.addresses(name).await?;
        Ok(addresses.into_iter().try_for_each(|address| self.policy.judge_address(to, address))?)
    }

    /// Those of the addresses that may be called, if there is one.
    pub(super) fn permitted(&self, to: &Destination, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, Forbidden> {
        let mut refused = None;
        let mut permitted = vec![];
        for address in found {
            match self.policy.judge_address(to, address) {
                Ok(()) => permitted.push(address),
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        match refused {
            Some(why) if permitted.is_empty() => Err(why),
            Some(_) | None => Ok(permitted),
        }
    }
}

/// The name as DNS has it: of the parts as they are, since the library's own parser of names takes only some of the characters that
/// the host of a URL may have.
fn parsed(name: &str) -> anyhow::Result<Name> {
    let mut parsed = Name::from_labels(dns_name::labels(name)?.map(str::as_bytes))?;
    // Without a dot at its end it is searched for in the domains of `/etc/resolv.conf` too.
    parsed.set_fqdn(name.ends_with('.'));
    Ok(parsed)
}

/// The addresses of answers, IPv4 first.
fn addresses<'a>(answers: impl IntoIterator<Item = &'a Option<Result<Lookup, NetError>>>) -> Vec<IpAddr> {
    let answers = answers.into_iter().flatten().flatten();
    let mut addresses: Vec<IpAddr> =
        answers.flat_map(Lookup::answers).filter_map(|record| record.data.ip_addr()).collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses
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
