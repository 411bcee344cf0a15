//! The arguments of nodes.

use std::path::PathBuf;

use super::net::Net;
use super::secrets::Secrets;
use crate::plan::{Plan, Profile};
use crate::support::Dns;

/// A node's arguments: the node knows servers and receivers only by the addresses of the links to them.
pub(super) fn arguments(net: &Net, secrets: &Secrets, node: usize, dns: &Dns, plan: &Plan) -> Vec<String> {
    let alone = plan.profile == Profile::One;
    let scheme = if alone { "nats" } else { "tls" };
    let servers = 0..plan.profile.servers();
    let servers: Vec<String> =
        servers.map(|server| format!("{scheme}://{}", net.server_link(node, server))).collect();
    let file = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
    let mut args = vec!["--insecure-no-auth".to_owned()];
    let mut set = |name: &str, value: String| args.extend([name.to_owned(), value]);
    set("--log-format", "json".to_owned());
    set("--replicas", plan.profile.servers().to_string());
    set("--allow-targets", "127.0.0.0/8".to_owned());
    set("--listen", net.node(node).to_string());
    set("--nats", servers.join(","));
    if !alone {
        set("--nats-nkey", file(secrets.key_of("node")));
        set("--nats-ca", file(secrets.file("ca.pem")));
    }
    set("--dns-server", dns.address().to_string());
    if plan.sweeps {
        set("--sweep-interval", "1s".to_owned());
        set("--sweep-grace", "1s".to_owned());
    }
    if let Some(millis) = plan.retention_ms() {
        set("--retention", format!("{millis}ms"));
    }
    args
}
