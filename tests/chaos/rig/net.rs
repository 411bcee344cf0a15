//! Addresses of a run's own, all on loopback: each party has a host of its own in 127.0.0.0/8 and its usual port, so
//! that a party that is started again finds its port free, and runs beside each other do not meet.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::plan::{NODES, SERVERS};

/// A block of 256 hosts.
pub(crate) struct Net {
    block: [u8; 2],
    /// Held for as long as the block is in use: whoever cannot bind it takes another block.
    _lock: TcpListener,
}

/// Where a block's lock is, on its last host.
const LOCK: (u8, u16) = (254, 4_000);

impl Net {
    /// A block that is free.
    pub(crate) fn take() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Processes beside each other begin far from each other.
        let first = std::process::id().wrapping_mul(251);
        for _ in 0..u32::from(u16::MAX) {
            let drawn = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            let [_, _, high, low] = drawn.to_be_bytes();
            // 127.0 is everybody's.
            let block = [high | 1, low];
            let address = SocketAddrV4::new(Ipv4Addr::new(127, block[0], block[1], LOCK.0), LOCK.1);
            if let Ok(lock) = TcpListener::bind(address) {
                return Self { block, _lock: lock };
            }
        }
        panic!(
            "no block of loopback addresses is free: this runs on Linux, where all of 127.0.0.0/8 is loopback"
        );
    }

    fn at(&self, host: usize, port: u16) -> SocketAddr {
        let host = u8::try_from(host).expect("a host of the block");
        SocketAddrV4::new(Ipv4Addr::new(127, self.block[0], self.block[1], host), port).into()
    }

    /// Where clients reach a nats-server.
    pub(crate) fn server(&self, server: usize) -> SocketAddr {
        self.at(1 + server, 4_222)
    }

    /// Where other nats-servers reach it.
    pub(crate) fn route(&self, server: usize) -> SocketAddr {
        self.at(1 + server, 6_222)
    }

    /// Where `from` has to go to reach `to`.
    pub(crate) fn route_link(&self, from: usize, to: usize) -> SocketAddr {
        self.at(10 + 10 * from + to, 6_222)
    }

    /// All addresses at which somebody takes somebody for a nats-server.
    pub(crate) fn where_servers_are(&self) -> impl Iterator<Item = SocketAddr> {
        (0..SERVERS).flat_map(move |server| {
            let nodes = (0..NODES).map(move |node| self.server_link(node, server));
            let servers = (0..SERVERS).map(move |from| self.route_link(from, server));
            [self.server(server)].into_iter().chain(nodes).chain(servers)
        })
    }

    /// Where a node has to go to reach a nats-server.
    pub(crate) fn server_link(&self, node: usize, server: usize) -> SocketAddr {
        self.at(50 + 10 * node + server, 4_222)
    }

    /// Where clients reach a node.
    pub(crate) fn node(&self, node: usize) -> SocketAddr {
        self.at(100 + node, 8_000)
    }

    /// Where a node has to go to reach a receiver.
    pub(crate) fn receiver_link(&self, node: usize, receiver: usize) -> SocketAddr {
        self.at(110 + 10 * node + receiver, RECEIVER_PORT)
    }

    /// Where what comes from a node reaches a receiver.
    pub(crate) fn receiver(&self, node: usize, receiver: usize) -> SocketAddr {
        self.at(160 + 10 * node + receiver, RECEIVER_PORT)
    }
}

/// Every receiver's port, wherever a node finds it.
pub(crate) const RECEIVER_PORT: u16 = 8_080;
