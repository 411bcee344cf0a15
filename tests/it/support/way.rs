//! A TCP proxy between a node and NATS that forgets connections, as a firewall does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::spawn;

/// A direction of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the node to NATS.
    Up,
    /// From NATS to the node.
    Down,
}

/// A proxy in front of one port.
pub(crate) struct Way {
    port: u16,
    /// How often the proxy has forgotten its connections, for each direction.
    forgotten: watch::Sender<[usize; 2]>,
    accepted: Arc<AtomicUsize>,
}

impl Way {
    /// Starts a proxy to this port.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let way = Self {
            port: listener.local_addr().expect("an address").port(),
            forgotten: watch::Sender::new([0; 2]),
            accepted: Arc::default(),
        };
        let (forgotten, accepted) = (way.forgotten.subscribe(), way.accepted.clone());
        spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                spawn(connection(near, port, forgotten.clone()));
            }
        });
        way
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Forgets the present connections: the proxy accepts and drops everything sent over them from now on; new connections work.
    pub(crate) fn forget(&self, directions: &[Direction]) {
        self.forgotten.send_modify(|forgotten| {
            directions.iter().for_each(|direction| forgotten[*direction as usize] += 1);
        });
    }

    /// How many connections the proxy has accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn connection(near: TcpStream, port: u16, forgotten: watch::Receiver<[usize; 2]>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let whole = *forgotten.borrow();
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let up = pump(near_read, far_write, &forgotten, Direction::Up, &whole);
    let down = pump(far_read, near_write, &forgotten, Direction::Down, &whole);
    let _ = tokio::try_join!(up, down);
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    forgotten: &watch::Receiver<[usize; 2]>,
    direction: Direction,
    whole: &[usize; 2],
) -> io::Result<()> {
    let mut piece = vec![0; 16 * 1_024];
    loop {
        let read = from.read(&mut piece).await?;
        if forgotten.borrow()[direction as usize] > whole[direction as usize] {
            if read == 0 {
                // The receiving side does not learn of the close either.
                return std::future::pending().await;
            }
        } else if read == 0 {
            return to.shutdown().await;
        } else {
            to.write_all(&piece[..read]).await?;
        }
    }
}
