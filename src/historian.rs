//! Keeps the history: reads the last hour from the feed, and follows it.
//!
//! Every version of every record is in the feed, so what one node counts is what all nodes did, and one that was
//! restarted knows what happened before, as far as the feed has it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::history::{History, MINUTES, Report};
use crate::nats::{Beginning, Feed, Heard, Link, NatsError, News};

/// What is counted.
const HOUR: Duration = Duration::from_secs(60 * MINUTES as u64);

/// The pause after the feed could not be followed.
const PAUSE: Duration = Duration::from_secs(1);

/// The history of the service, as one node keeps it. Cheap to clone.
#[derive(Clone)]
pub struct Historian {
    link: Link,
    clock: Clock,
    /// Events of finished timers are in the feed for so long at least.
    kept_for: Duration,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    history: Option<History>,
    /// Whether everything has been read that happened before it began.
    caught_up: bool,
}

impl Historian {
    /// Begins to read, and follows until `stop`. The feed has events of finished timers for `kept_for`.
    pub fn start(link: Link, clock: Clock, kept_for: Duration, stop: CancellationToken) -> Self {
        let historian = Self { link, clock, kept_for, known: Arc::default() };
        let keeping = historian.clone();
        tokio::spawn(async move { stop.run_until_cancelled(keeping.keep()).await });
        historian
    }

    /// What happened in the last hour, and whether that is known up to now; `None` if the feed has not been read yet.
    pub fn report(&self) -> Option<(Report, bool)> {
        let known = self.lock();
        let report = known.history.as_ref()?.report(self.clock.now());
        Some((report, known.caught_up))
    }

    async fn keep(self) {
        let mut feed = loop {
            match self.begin().await {
                Ok(feed) => break feed,
                Err(error) => tracing::debug!(%error, "the feed cannot be read for the history"),
            }
            tokio::time::sleep(PAUSE).await;
        };
        // Whether something was missed since the last event.
        let mut gap = false;
        loop {
            match feed.next().await {
                Ok(Heard::Event(news)) => self.note(&news, std::mem::take(&mut gap)),
                Ok(Heard::Missed(missed)) => {
                    tracing::debug!(%missed, "the history has a gap, and begins behind it");
                    gap = true;
                }
                Err(error) => {
                    tracing::debug!(%error, "the history is followed again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn begin(&self) -> Result<Feed<News>, NatsError> {
        let now = self.clock.now();
        let from = now.saturating_sub(HOUR.min(self.kept_for));
        let Beginning { feed, whole_from, is_empty } = Feed::since(&self.link, from, now).await?;
        *self.lock() = Known { history: Some(History::new(whole_from)), caught_up: is_empty };
        Ok(feed)
    }

    fn note(&self, news: &News, after_a_gap: bool) {
        let mut known = self.lock();
        known.caught_up |= news.is_newest;
        let Some(history) = &mut known.history else { return };
        if after_a_gap {
            history.missed(news.at);
        }
        if let Some(happened) = news.happened {
            history.note(news.at, happened);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
