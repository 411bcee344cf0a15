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
use rules::backoff::Backoff;

/// The pauses before restarts. The first is short, because timers wait meanwhile. With the longest, a full disk costs one log line per try
/// and no CPU, and new room on it is noticed soon.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

/// A nats-server that ran for this long has recovered: after its next death, the pauses start over.
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
    let mut tries = 0;
    loop {
        let ended = match timeout(STEADY_AFTER, server.exited()).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                tries = 0;
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
            sleep(BACKOFF.after(tries)).await;
            tries += 1;
            match server.restart().await {
                Ok(()) => break,
                Err(error) => {
                    let pause = BACKOFF.after(tries);
                    warn!("cannot restart nats-server, next attempt in {pause:?}: {error}");
                }
            }
        }
        info!("nats-server runs again on {} (pid {})", server.url(), server.pid());
    }
}
