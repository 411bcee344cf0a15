//! Looks up names of receivers, and lets through only addresses that may be called.
//!
//! Lookups are asynchronous, so that slow ones hold up no call: the system's own function takes a thread for each. The files that this
//! function reads, `/etc/resolv.conf` and `/etc/hosts`, are read once, at the start.

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
use rules::domain::dns_name;
use rules::policy::{Destination, Forbidden, Policy};
use servers::Servers;
use why::why;

/// The longest time for which an answer of DNS is believed, whatever its own TTL: a receiver that moves is found after this.
const LONGEST_TTL: Duration = Duration::from_secs(60);

/// The shortest such time: the call of a name that was looked up before finds the answer.
const SHORTEST_TTL: Duration = Duration::from_millis(500);

/// For how long it is believed that a name does not exist. An attempt is repeated after a second by default, and the new one
/// is to ask again.
pub(super) const LONGEST_NEGATIVE_TTL: Duration = Duration::from_millis(500);

/// How long addresses of the other kind are waited for once there are some (RFC 8305, 3): some DNS servers never say that a name has no
/// IPv6 address.
const OTHER_KIND: Duration = Duration::from_millis(50);

/// The most answers that are kept, for each server: two for a name, its IPv4 and its IPv6 addresses.
const CACHED_ANSWERS: u64 = 16_384;

/// The most open questions to one server. Above this the resolver fails at once; lookups are bounded by their places and by the calls of
/// a node, of which there are at most 16,384 each, with two questions each.
const OPEN_QUESTIONS: usize = 65_536;

/// Looks up names. Cheap to clone.
#[derive(Clone)]
pub(super) struct Names {
    servers: Servers,
    hosts: Arc<Hosts>,
    policy: Arc<Policy>,
}

impl Names {
    /// Asks `servers`, or else the system's servers.
    pub(super) fn new(servers: &[SocketAddr], policy: Arc<Policy>) -> Result<Self> {
        let (config, mut options) =
            if servers.is_empty() { of_system() } else { (asking(servers), ResolverOpts::default()) };
        // A name in the file of hosts is not asked for, as in the system's own resolver.
        options.use_hosts_file = ResolveHosts::Never;
        let hosts = Hosts::from_system().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the system's hosts file");
            Hosts::default()
        });
        options.positive_min_ttl = Some(SHORTEST_TTL);
        options.positive_max_ttl = Some(LONGEST_TTL);
        options.negative_max_ttl = Some(LONGEST_NEGATIVE_TTL);
        options.cache_size = CACHED_ANSWERS;
        options.max_active_requests = OPEN_QUESTIONS;
        Ok(Self { servers: Servers::new(&config, &options)?, hosts: Arc::new(hosts), policy })
    }

    /// The addresses of a name, IPv4 first: otherwise every call would find out that its network has no IPv6.
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

    /// Judges all addresses of a name, for a proxy that chooses one of them.
    pub(super) async fn judge_all(&self, to: &Destination, name: &str) -> Result<(), Failure> {
        let addresses = self.addresses(name).await?;
        Ok(addresses.into_iter().try_for_each(|address| self.policy.judge_address(to, address))?)
    }

    /// The addresses that may be called, or why the first one may not be if all are refused.
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

/// The name as DNS has it, made of its labels as they are, since the library's own parser of names takes only some of the characters that
/// the host of a URL may have.
fn parsed(name: &str) -> anyhow::Result<Name> {
    let mut parsed = Name::from_labels(dns_name::labels(name)?.map(str::as_bytes))?;
    // Without a dot at its end, the name is searched for in the domains of `/etc/resolv.conf` too.
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
                "cannot read the system's DNS configuration, so this node asks 127.0.0.1; name other servers with --dns-server"
            );
            // The default of resolv.conf(5).
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
