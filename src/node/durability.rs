//! Looks again and again, and logs the changes.
//!
//! At the start it logs every finding, and one that is weaker than asked for as a warning. After that it logs only changes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::nats::{self, Link};
use rules::durability::{Finding, Level, SyncPolicy, Verdict, judge};

/// The time between two looks: people configure servers, and restart them for it.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The last findings. Cheap to clone.
#[derive(Clone)]
pub struct Watch {
    link: Link,
    asked: Level,
    /// Whether the operator asked for this level, and so wants to hear of facts that cannot be seen.
    explicit: bool,
    /// When the server syncs, if it is this node's own.
    own: Option<SyncPolicy>,
    found: Arc<Mutex<Vec<Finding>>>,
}

impl Watch {
    /// A watch that has not looked yet. `asked` is the level that the operator asked for; without one, the level follows from `replicas`.
    pub fn new(link: Link, asked: Option<Level>, replicas: usize, own: Option<SyncPolicy>) -> Self {
        let level = asked.unwrap_or(Level::of(replicas));
        Self { link, asked: level, explicit: asked.is_some(), own, found: Arc::default() }
    }

    /// The last findings; empty before the first look.
    pub fn findings(&self) -> Vec<Finding> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks once, and logs new findings.
    async fn look(&self) {
        // Without an answer there is nothing new to judge.
        let Some(seen) = nats::durability(&self.link, self.own).await else { return };
        let found = judge(self.asked, &seen).to_vec();
        let before = {
            let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *known, found.clone())
        };
        for finding in found.iter().filter(|finding| !before.contains(finding)) {
            self.say(finding);
        }
    }

    fn say(&self, finding: &Finding) {
        let Finding { check, verdict, detail, cure } = finding;
        let (asked, check, cure) = (self.asked, check.name(), cure.unwrap_or_default());
        match verdict {
            Verdict::Met if !self.explicit => {
                tracing::debug!(?asked, check, found = %detail, "durability is as asked for");
            }
            Verdict::Met => tracing::info!(?asked, check, found = %detail, "durability is as asked for"),
            Verdict::Weaker => {
                tracing::warn!(?asked, check, found = %detail, cure, "durability is weaker than asked for");
            }
            Verdict::Unseen if self.explicit => {
                tracing::warn!(?asked, check, found = %detail, cure, "durability could not be checked");
            }
            Verdict::Unseen => {
                tracing::info!(?asked, check, found = %detail, cure, "durability could not be checked");
            }
        }
    }

    /// Looks again and again until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let looking = async {
            loop {
                self.look().await;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = looking => {}
        }
    }
}
