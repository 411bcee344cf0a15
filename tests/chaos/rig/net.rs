//! The addresses of one run, all on loopback. Each party has its own host in 127.0.0.0/8 and its usual port. So a party
//! that is started again finds its port free, and simultaneous runs do not meet.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::plan::{NODES, SERVERS};

/// A block of 256 hosts.
pub(crate) struct Net {
    block: [u8; 2],
    /// Held for as long as the block is in use: a run that cannot bind it takes another block.
    _lock: TcpListener,
}

/// The host and port of a block's lock, on its last host.
const LOCK: (u8, u16) = (254, 4_000);

impl Net {
    /// Takes a free block.
    pub(crate) fn take() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Processes that run at the same time begin far from each other.
        let first = std::process::id().wrapping_mul(251);
        for _ in 0..u32::from(u16::MAX) {
            let drawn = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            let [_, _, high, low] = drawn.to_be_bytes();
            // 127.0 is in common use.
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

    /// The address at which clients reach a nats-server.
    pub(crate) fn server(&self, server: usize) -> SocketAddr {
        self.at(1 + server, 4_222)
    }

    /// The address at which the links reach a nats-server's route port.
    pub(crate) fn route(&self, server: usize) -> SocketAddr {
        self.at(1 + server, 6_222)
    }

    /// The address of the link from server `from` to server `to`.
    pub(crate) fn route_link(&self, from: usize, to: usize) -> SocketAddr {
        self.at(10 + 10 * from + to, 6_222)
    }

    /// All addresses at which a party expects a nats-server.
    pub(crate) fn where_servers_are(&self) -> impl Iterator<Item = SocketAddr> {
        (0..SERVERS).flat_map(move |server| {
            let nodes = (0..NODES).map(move |node| self.server_link(node, server));
            let servers = (0..SERVERS).map(move |from| self.route_link(from, server));
            [self.server(server)].into_iter().chain(nodes).chain(servers)
        })
    }

    /// The address of the link from a node to a nats-server.
    pub(crate) fn server_link(&self, node: usize, server: usize) -> SocketAddr {
        self.at(50 + 10 * node + server, 4_222)
    }

    /// The address at which clients reach a node.
    pub(crate) fn node(&self, node: usize) -> SocketAddr {
        self.at(100 + node, 8_000)
    }

    /// The address of the link from a node to a receiver.
    pub(crate) fn receiver_link(&self, node: usize, receiver: usize) -> SocketAddr {
        self.at(110 + 10 * node + receiver, RECEIVER_PORT)
    }

    /// The address at which a receiver gets the calls of a node.
    pub(crate) fn receiver(&self, node: usize, receiver: usize) -> SocketAddr {
        self.at(160 + 10 * node + receiver, RECEIVER_PORT)
    }
}

/// The port of every receiver, at whichever address.
pub(crate) const RECEIVER_PORT: u16 = 8_080;
