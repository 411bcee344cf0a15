//! Whether a node belongs to the installation whose streams it has found.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::Instant;

use crate::nats::{self, Link, NatsError};

/// The pause between two tries while NATS does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Compares this node's installation name with the one that is noted next to the streams, and notes it if none is noted yet.
/// NATS may take `wait` to answer.
///
/// # Errors
///
/// If the streams belong to an installation with another name, or NATS does not answer.
pub(super) async fn join(link: &Link, name: Option<&str>, wait: Duration) -> Result<()> {
    let Some(name) = name else {
        // Without a name the node asked for no check, so it waits for no answer.
        if let Ok(Some(noted)) = nats::installation(link).await {
            tracing::warn!(
                installation = noted,
                "the streams on this NATS belong to an installation with a name, but this node has none: if it is one \
                 of the installation's nodes, start it with --installation {noted}; if not, it is connected to the \
                 wrong NATS"
            );
        }
        return Ok(());
    };
    match noted(link, name, wait).await {
        Ok(Some(noted)) if noted != name => bail!(
            "the streams on this NATS belong to the installation {noted:?}, but this node belongs to {name:?}: it \
             would call the other installation's timers with its own rules, secrets and tokens. Name other servers, or \
             another account, with --nats; if the installation was renamed, stop its nodes and remove the old name \
             with: nats kv del timers_sweep installation"
        ),
        Ok(_) => Ok(()),
        Err(error) => Err(error)
            .context("cannot tell which installation the streams on this NATS belong to, for --installation"),
    }
}

async fn noted(link: &Link, name: &str, wait: Duration) -> Result<Option<String>, NatsError> {
    let deadline = Instant::now() + wait;
    loop {
        match nats::found_installation(link, name).await {
            Err(error) if Instant::now() < deadline => {
                tracing::info!(%error, "cannot read the installation's name from NATS; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            noted => return noted,
        }
    }
}
