//! Restarts nats-server when it dies by itself.
//!
//! Clients notice the outage like any other; they reconnect to the same port. Nothing is spawned here: the caller runs this
//! future together with its other ones.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::error::Error;
use super::server::Server;

/// The pause before the first restart, in milliseconds: short, because timers wait meanwhile.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The longest pause, in seconds. Each failure doubles the pause up to here. So a full disk costs one log line per try and no
/// CPU, and new room on it is noticed soon.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A nats-server that ran for this many seconds has recovered: its next death starts again at [`PAUSE_MIN`].
const STEADY_AFTER: Duration = Duration::from_secs(30);

/// Keeps `server` running until `stop` is ready, and then stops it.
pub async fn supervise(mut server: Server, stop: impl Future<Output = ()>) -> Result<(), Error> {
    tokio::select! {
        () = stop => {}
        never = keep_running(&mut server) => match never {},
    }
    server.stop().await.map(drop)
}

async fn keep_running(server: &mut Server) -> Infallible {
    let mut pause = PAUSE_MIN;
    loop {
        let ended = match timeout(STEADY_AFTER, server.exited()).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                pause = PAUSE_MIN;
                server.exited().await
            }
        };
        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        warn!(
            "nats-server ended unexpectedly ({how}); its log {} says:\n{}",
            server.log_path().display(),
            server.complaints()
        );
        loop {
            sleep(pause).await;
            pause = PAUSE_MAX.min(pause * 2);
            match server.restart().await {
                Ok(()) => break,
                Err(error) => warn!("cannot restart nats-server, next attempt in {pause:?}: {error}"),
            }
        }
        info!("nats-server runs again on {} (pid {})", server.url(), server.pid());
    }
}
