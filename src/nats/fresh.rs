//! What was seen a moment ago, for all who look within a second: they do not ask NATS each by themselves.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long something seen is good for. Scrapers come every few seconds, a page once a second or two.
const FRESH: Duration = Duration::from_secs(1);

/// Something that was seen.
#[derive(Debug)]
pub(super) struct Fresh<T> {
    seen: Mutex<Option<(Instant, T)>>,
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self { seen: Mutex::default() }
    }
}

impl<T: Clone> Fresh<T> {
    /// What was seen within a second, or is now by `look`. Boxed, since requests side by side are large, and so would be
    /// whatever looks.
    pub(super) async fn get(&self, look: Pin<Box<impl Future<Output = T>>>) -> T {
        // Held while it is looked, so that whoever comes meanwhile gets the same answer.
        let mut seen = self.seen.lock().await;
        if let Some((_, seen)) = seen.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return seen.clone();
        }
        let now = look.await;
        *seen = Some((Instant::now(), now.clone()));
        now
    }
}
