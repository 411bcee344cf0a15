//! Decides whether a missing bucket may be created: not if this node's file or another node remembers timers in it.
//!
//! An empty store may be new, or it may have lost its data; both look the same. This node may remember in a file that it has seen
//! timers, and other running nodes have seen them themselves.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, timeout_at};

use crate::nats::connection::link::Link;
use crate::nats::names::BUCKET;
use crate::nats::nodes::presence::{Beats, Said, say};
use rules::presence::{Beat, Life};

/// How long this node waits for the answers of others once it has heard itself: they answer at once.
const ANSWERED: Duration = Duration::from_millis(300);

/// How long this node listens if it does not hear itself.
const NOT_HEARD: Duration = Duration::from_secs(2);

/// The knowledge of a starting node before it creates a bucket.
#[derive(Debug)]
pub struct Founder {
    /// The file that remembers a bucket with timers, if there is one.
    pub remembers: Option<PathBuf>,
    /// Its beat to the other nodes, which answer with beats that say how much they have seen.
    pub greeting: Beat,
}

impl Founder {
    /// Succeeds if no file and no node knows of an earlier bucket.
    ///
    /// # Errors
    ///
    /// The file or the node that knows of one, and what to do.
    pub(in crate::nats) async fn may_found(&self, link: &Link) -> Result<()> {
        const ANEW: &str = "jettimer does not create it again, since that would look as if there had never been any: put NATS' data back, \
            or restore the bucket from a backup (docs/nats.md, \"Backup and restore\")";
        if let Some(path) = &self.remembers {
            let path = path.display();
            return Err(anyhow!(
                "the bucket {BUCKET} is gone, and with it every timer: NATS has no data, but this node remembers timers (in {path}). \
                 {ANEW}. If this is a different NATS, or to start without timers, remove {path} and start again"
            ));
        }
        if let Some(name) = self.witness(link).await {
            return Err(anyhow!(
                "the bucket {BUCKET} is gone, and with it every timer: NATS has no data, but the running node {name} has seen timers \
                 there. {ANEW}; the running nodes then continue. To start without timers, stop all nodes and start again"
            ));
        }
        Ok(())
    }

    /// The name of a running node that has seen timers.
    async fn witness(&self, link: &Link) -> Option<String> {
        let mut beats = Beats::listen(link).await.ok()?;
        say(link, &self.greeting).await;
        let mut until = Instant::now() + NOT_HEARD;
        while let Ok(Some(said)) = timeout_at(until, beats.next()).await {
            let Said::Beat(beat) = said else { continue };
            if beat.node.instance == self.greeting.node.instance {
                until = until.min(Instant::now() + ANSWERED);
            } else if beat.seen > 0 {
                say(link, &Beat { life: Life::Gone, ..self.greeting.clone() }).await;
                return Some(beat.node.name);
            }
        }
        None
    }
}
