//! A value that was asked for a moment ago, shared by all callers within a second, so that they do not each ask NATS.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a value is good for. Scrapers come every few seconds, a page once a second or two.
const FRESH: Duration = Duration::from_secs(1);

/// A value, and when it was seen.
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
    /// The value that was seen within the last second, or else the one that `look` gives. `look` is boxed, since futures of
    /// concurrent requests are large, and would make the caller's large.
    pub(super) async fn get(&self, look: Pin<Box<impl Future<Output = T>>>) -> T {
        // Held during the look, so that callers that come meanwhile get the same answer.
        let mut seen = self.seen.lock().await;
        if let Some((_, seen)) = seen.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return seen.clone();
        }
        let now = look.await;
        *seen = Some((Instant::now(), now.clone()));
        now
    }
}
