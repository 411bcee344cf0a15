//! Parses large texts beside the threads that serve requests.
//!
//! To parse 8 MiB takes tens of milliseconds. A thread of the runtime that does so serves nothing else meanwhile, and a few such requests
//! would take all of these threads. So large texts are parsed on threads of their own, on as many at a time as half the processors. The
//! system shares the processors among all threads, so that a small request waits for its turn of a processor, and not for the whole text.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

/// A text of fewer bytes takes a fraction of a millisecond, which is no longer than other steps of a request. It is parsed at once.
const LARGE: usize = 32 * 1_024;

/// The places for large texts that are being parsed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Parsing(Arc<Semaphore>);

impl Parsing {
    fn of(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once.max(1))))
    }

    /// Does work that takes as long as parsing this many bytes. If the work panics, so does the caller.
    pub(super) async fn of_text<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if bytes < LARGE {
            return work();
        }
        // The semaphore is never closed.
        let place = self.0.clone().acquire_owned().await.ok();
        let worked = tokio::task::spawn_blocking(move || {
            // The place is taken until the work is done, even if the request is given up before.
            let _place = place;
            work()
        });
        match worked.await.map_err(|error| error.try_into_panic()) {
            Ok(done) => done,
            Err(Ok(panic)) => resume_unwind(panic),
            // The runtime ends, and the request with it.
            Err(Err(_)) => pending().await,
        }
    }
}

impl Default for Parsing {
    fn default() -> Self {
        Self::of(available_parallelism().map_or(1, usize::from) / 2)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn large_texts_are_parsed_a_few_at_a_time_and_each_gets_its_own_result() {
        let parsing = Parsing::of(2);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let texts = (0..50).map(|n| {
            let (now, most) = (now.clone(), most.clone());
            parsing.of_text(LARGE, move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
                n
            })
        });
        assert_eq!(join_all(texts).await, (0..50).collect::<Vec<_>>());
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }

    #[tokio::test]
    async fn a_small_text_waits_for_no_large_one() {
        let parsing = Parsing::of(1);
        let _large = parsing.0.clone().acquire_owned().await;
        assert!(parsing.of_text(LARGE, || ()).now_or_never().is_none());
        assert_eq!(parsing.of_text(LARGE - 1, || 7).now_or_never(), Some(7));
    }

    #[tokio::test]
    #[should_panic(expected = "broken")]
    async fn a_panic_is_one_of_the_request() {
        Parsing::of(1).of_text(LARGE, || panic!("broken")).await
    }
}
