//! What lies between two parties: a TCP proxy that cuts, stalls, delays and half-closes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::plan::LinkTrouble;
use crate::support::spawn;

/// Bytes that are taken at once.
const PIECE: usize = 16 * 1_024;

/// A proxy in front of one address. It ends with the runtime that it was started on.
#[derive(Clone)]
pub(crate) struct Link {
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    trouble: Option<LinkTrouble>,
    /// Counts the times that connections were half-closed: those made afterwards are whole.
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
    /// Whoever connects to `from` reaches `to`.
    pub(crate) async fn start(from: SocketAddr, to: SocketAddr) -> Self {
        let state = watch::Sender::new(State::default());
        let listener = TcpListener::bind(from).await.expect("an address of the run's own");
        spawn(accept(listener, from, to, state.subscribe()));
        Self { state }
    }

    /// Breaks it, or mends it.
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

/// One connection, to its end or until it is cut.
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
        // What goes wrong here is what the parties are to cope with.
        _ = piped => {}
        _ = cut.wait_for(State::cut) => {}
    }
}

/// One direction of a connection, which is closed once connections have been half-closed oftener than so.
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
    // What comes after the close is lost.
    while from.read(&mut piece).await? > 0 {}
    Ok(())
}

fn gone(_: watch::error::RecvError) -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}
