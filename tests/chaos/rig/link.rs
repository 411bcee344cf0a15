//! A TCP proxy between two parties that cuts, stalls, delays and half-closes connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::plan::LinkTrouble;
use crate::support::spawn;

/// The number of bytes that the proxy reads at once.
const PIECE: usize = 16 * 1_024;

/// A proxy in front of one address. It ends with the runtime that started it.
#[derive(Clone)]
pub(crate) struct Link {
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    trouble: Option<LinkTrouble>,
    /// How often connections were half-closed; later connections are whole.
    half_closes: u64,
}

impl State {
    fn cut(&self) -> bool {
        self.trouble == Some(LinkTrouble::Cut)
    }

    fn stalled(&self) -> bool {
        self.trouble == Some(LinkTrouble::Stall)
    }

    fn delay(&self) -> Option<Duration> {
        match self.trouble {
            Some(LinkTrouble::DelayMs(millis)) => Some(Duration::from_millis(millis.into())),
            Some(LinkTrouble::Cut | LinkTrouble::Stall | LinkTrouble::HalfClose) | None => None,
        }
    }
}

impl Link {
    /// Starts a proxy that passes on connections from `from` to `to`.
    pub(crate) async fn start(from: SocketAddr, to: SocketAddr) -> Self {
        let state = watch::Sender::new(State::default());
        let listener = TcpListener::bind(from).await.expect("an address of the run's own");
        spawn(accept(listener, from, to, state.subscribe()));
        Self { state }
    }

    /// Breaks or repairs the link.
    pub(crate) fn set(&self, trouble: Option<LinkTrouble>) {
        self.state.send_modify(|state| {
            state.trouble = trouble;
            state.half_closes += u64::from(trouble == Some(LinkTrouble::HalfClose));
        });
    }
}

async fn accept(first: TcpListener, from: SocketAddr, to: SocketAddr, mut state: watch::Receiver<State>) {
    let mut listener = Some(first);
    let theirs = state.clone();
    loop {
        let Some(open) = &listener else {
            if state.wait_for(|state| !state.cut()).await.is_err() {
                return;
            }
            listener = Some(TcpListener::bind(from).await.expect("an address of the run's own"));
            continue;
        };
        tokio::select! {
            accepted = open.accept() => {
                if let Ok((stream, _)) = accepted {
                    spawn(connection(stream, to, theirs.clone()));
                }
            }
            // Without a listener, connections are refused.
            cut = state.wait_for(State::cut) => match cut {
                Ok(_) => listener = None,
                Err(_) => return,
            },
        }
    }
}

/// Passes on one connection, until it ends or is cut.
async fn connection(near: TcpStream, to: SocketAddr, mut state: watch::Receiver<State>) {
    let mut cut = state.clone();
    let piped = async {
        let half_closes = state.wait_for(|state| !state.stalled()).await.map_err(gone)?.half_closes;
        let far = TcpStream::connect(to).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        tokio::try_join!(
            pump(near_read, far_write, state.clone(), Some(half_closes)),
            pump(far_read, near_write, state.clone(), None),
        )
    };
    tokio::select! {
        // The parties have to cope with an error of the connection.
        _ = piped => {}
        _ = cut.wait_for(State::cut) => {}
    }
}

/// Passes on one direction of a connection, and closes it once the count of half-closes exceeds that at the connection's start.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    half_closes: Option<u64>,
) -> io::Result<()> {
    let closes = |state: &State| half_closes.is_some_and(|so_often| state.half_closes > so_often);
    let mut piece = vec![0; PIECE];
    loop {
        let read = tokio::select! {
            read = from.read(&mut piece) => read?,
            closed = state.wait_for(closes) => {
                closed.map_err(gone)?;
                break;
            }
        };
        if read == 0 {
            return to.shutdown().await;
        }
        let delay = state.borrow().delay();
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        state.wait_for(|state| !state.stalled()).await.map_err(gone)?;
        to.write_all(&piece[..read]).await?;
    }
    to.shutdown().await?;
    // Drops everything that comes after the close.
    while from.read(&mut piece).await? > 0 {}
    Ok(())
}

fn gone(_: watch::error::RecvError) -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}
