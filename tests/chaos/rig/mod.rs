//! The rig of a run: nats-servers, nodes, receivers, and links between all of them.

mod admin;
mod arguments;
mod config;
mod disk;
mod link;
mod net;
mod node;
mod process;
mod receiver;
mod secrets;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::client::Client;
use crate::plan::{LinkTrouble, NODES, Peer, Plan, RECEIVERS, What};
use crate::record::Record;
use crate::support::Dns;

pub(crate) use admin::Admin;
pub(crate) use receiver::Receiver;

use arguments::arguments;
use link::Link;
use net::Net;
use node::Node;
use secrets::Secrets;
use server::Server;

/// How long everything may take to be ready at the start, in seconds.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The programs of a run.
#[derive(Clone)]
pub(crate) struct Programs {
    pub(crate) nats_server: PathBuf,
    pub(crate) jettimer: PathBuf,
}

/// Everything that a run needs. Dropping it ends all of it.
pub(crate) struct Rig {
    pub(crate) nodes: Vec<Node>,
    pub(crate) servers: Vec<Server>,
    pub(crate) receivers: Vec<Receiver>,
    pub(crate) clients: Vec<Client>,
    pub(crate) admin: Admin,
    /// Whether nodes sweep often enough to remove settled wakes that the servers keep.
    pub(crate) sweeps: bool,
    /// The links by node and server.
    to_servers: Vec<Vec<Link>>,
    /// The links by node and receiver.
    to_receivers: Vec<Vec<Link>>,
    /// The links by server and server.
    routes: Vec<Vec<Option<Link>>>,
    /// Logs and data, which are removed with the rig unless they are kept.
    directory: TempDir,
    _net: Net,
}

impl Rig {
    /// Starts everything, and waits until every node is ready.
    pub(crate) async fn start(programs: &Programs, plan: &Plan, record: &Record) -> Self {
        let net = Net::take();
        let mut directory = TempDir::with_prefix("jettimer-chaos-").expect("a directory");
        // The logs are needed if the rig does not even start.
        directory.disable_cleanup(true);
        let secrets = Secrets::new(directory.path(), net.where_servers_are());
        let small_disks = plan.faults.iter().any(|fault| matches!(fault.what, What::FillDisk { .. }));
        let (mut servers, mut routes) = (vec![], vec![]);
        for from in 0..plan.profile.servers() {
            let mut links = vec![];
            for to in 0..plan.profile.servers() {
                // One link for each pair of servers: a route serves both directions once it exists.
                let link = Link::start(net.route_link(from, to), net.route(to));
                links.push(if from < to { Some(link.await) } else { None });
            }
            routes.push(links);
        }
        for index in 0..plan.profile.servers() {
            let (binary, run) = (&programs.nats_server, directory.path());
            let start = Server::start(&net, &secrets, plan.profile, binary, run, index, small_disks);
            servers.push(start.await);
        }
        let admin = Admin::connect(&net, &secrets, plan.profile).await;
        admin.ready().await;
        let mut receivers = vec![];
        for index in 0..RECEIVERS {
            receivers.push(Receiver::start(&net, index, &plan.items, record.clone()).await);
        }
        let (mut nodes, mut clients, mut to_servers, mut to_receivers) = (vec![], vec![], vec![], vec![]);
        for node in 0..NODES {
            let dns = Dns::start().await;
            let (mut servers, mut receivers) = (vec![], vec![]);
            for server in 0..plan.profile.servers() {
                servers.push(Link::start(net.server_link(node, server), net.server(server)).await);
            }
            for receiver in 0..RECEIVERS {
                let address = net.receiver_link(node, receiver);
                receivers.push(Link::start(address, net.receiver(node, receiver)).await);
                dns.set(&Receiver::name(receiver), &[&[&address.ip().to_string()]]);
            }
            to_servers.push(servers);
            to_receivers.push(receivers);
            clients.push(Client::new(net.node(node), record.clone()));
            let args = arguments(&net, &secrets, node, &dns, plan);
            let start = Node::start(&programs.jettimer, node, args, directory.path(), record.clone());
            nodes.push(start.await);
        }
        let mut rig = Self {
            nodes,
            servers,
            receivers,
            clients,
            admin,
            sweeps: plan.sweeps,
            to_servers,
            to_receivers,
            routes,
            directory,
            _net: net,
        };
        assert!(rig.ready(READY_WITHIN).await, "not ready at the start: see {:?}", rig.directory.path());
        rig.directory.disable_cleanup(false);
        rig
    }

    /// Waits until every node is ready, and returns whether all were in time.
    pub(crate) async fn ready(&self, within: Duration) -> bool {
        let all = async {
            for client in &self.clients {
                while client.ready().await != Some(200) {
                    tokio::time::sleep(Duration::from_millis(25)).await;
                }
            }
        };
        tokio::time::timeout(within, all).await.is_ok()
    }

    /// Breaks or repairs the links between a node and a peer.
    pub(crate) fn link(&self, node: usize, to: Peer, trouble: Option<LinkTrouble>) {
        let links = match to {
            Peer::Server(server) => std::slice::from_ref(&self.to_servers[node][server]),
            Peer::Servers => &self.to_servers[node],
            Peer::Receiver(receiver) => std::slice::from_ref(&self.to_receivers[node][receiver]),
        };
        for link in links {
            link.set(trouble);
        }
    }

    /// Breaks or repairs all links between a server and the others.
    pub(crate) fn isolate(&self, server: usize, trouble: Option<LinkTrouble>) {
        for other in (0..self.servers.len()).filter(|other| *other != server) {
            for link in [&self.routes[server][other], &self.routes[other][server]].into_iter().flatten() {
                link.set(trouble);
            }
        }
    }

    /// Repairs everything that faults may have left broken.
    pub(crate) async fn mend(&self) {
        for server in 0..self.servers.len() {
            self.isolate(server, None);
            self.servers[server].signal(Signal::CONT).await;
            if let Ok(disk) = self.servers[server].disk() {
                disk.clear();
            }
            self.servers[server].up().await;
        }
        for node in 0..NODES {
            self.link(node, Peer::Servers, None);
            (0..RECEIVERS).for_each(|receiver| self.link(node, Peer::Receiver(receiver), None));
            self.nodes[node].set_clock(0);
            self.nodes[node].signal(Signal::CONT).await;
            self.nodes[node].runs().await;
            self.nodes[node].up().await;
        }
        for receiver in &self.receivers {
            receiver.set(None);
        }
    }

    /// The requests of nodes that NATS has refused because of nats/permissions.conf.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let logs = self.nodes.iter().filter_map(|node| std::fs::read_to_string(node.output()).ok());
        logs.flat_map(|log| {
            let refused = log.lines().filter(|line| line.contains("Permissions Violation"));
            refused.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Keeps logs and data, and returns their directory.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.directory.disable_cleanup(true);
        self.directory.path().to_owned()
    }
}
