//! The configuration of the nats-servers: the shipped files, with the addresses and directories of the run.

use std::path::Path;

use super::net::Net;
use super::secrets::Secrets;
use super::server::name;
use crate::plan::{Profile, SERVERS};

const SINGLE: &str = include_str!("../../../nats/single.conf");
const CLUSTER: &str = include_str!("../../../nats/cluster.conf");

/// The sync interval that NATS uses by default.
const SYNC_BY_DEFAULT: &str = "sync_interval: 2m";

/// A server's configuration: the shipped file, with other addresses and files.
pub(super) fn config(net: &Net, secrets: &Secrets, profile: Profile, index: usize, store: &Path) -> String {
    let shipped = if profile == Profile::One { single(net) } else { one_of_three(net, secrets, index) };
    let shipped = replaced(shipped, "store_dir: /data", &format!("store_dir: {store:?}"));
    let config = replaced(shipped, "max_file_store: 10GB", "max_file_store: 4GB");
    match profile {
        Profile::One | Profile::Production => config,
        Profile::Three => replaced(config, "sync_interval: always", SYNC_BY_DEFAULT),
    }
}

/// The configuration of a single server: every client may do everything.
fn single(net: &Net) -> String {
    let listen = format!("listen: \"{}\"", net.server(0));
    let config = replaced(SINGLE.to_owned(), "port: 4222", &listen);
    let config = replaced(config, "http_port: 8222", "");
    replaced(config, "$NATS_SYS_PASSWORD", "sys")
}

/// The configuration of one of three servers. Clients and other servers have to use the links, so the server advertises no other address.
fn one_of_three(net: &Net, secrets: &Secrets, index: usize) -> String {
    // One route for each pair of servers, and one to itself, since JetStream demands a route in the
    // file; a server skips the route to itself.
    let routes: Vec<String> = (index..SERVERS)
        .map(|other| if other == index { net.route(other) } else { net.route_link(index, other) })
        .map(|address| format!("\"tls://{address}\""))
        .collect();
    let mut config = CLUSTER.to_owned();
    let mut set = |from: &str, to: String| config = replaced(std::mem::take(&mut config), from, &to);
    set("$NATS_SERVER_NAME", name(index));
    set("port: 4222", format!("listen: \"{}\"", net.server(index)));
    set("http: \"127.0.0.1:8222\"", String::new());
    let route = net.route(index);
    set("port: 6222", format!("listen: \"{route}\"\n  no_advertise: true\n  advertise: \"127.0.0.1:1\""));
    for file in ["cert.pem", "key.pem", "ca.pem"] {
        set(&format!("\"/etc/nats/secrets/{file}\""), format!("{:?}", secrets.file(file)));
    }
    let (before, rest) = config.split_once("routes: [").expect("routes");
    let (_, after) = rest.split_once(']').expect("routes");
    format!("{before}routes: [{}]{after}", routes.join(", "))
}

/// Replaces a piece of the text, which must contain it.
fn replaced(text: String, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the file that is shipped has no {from}");
    text.replace(from, to)
}
