//! Repeats requests that are safe to repeat, while jettimer is away or busy. The wait is the one that the node asks for, or else
//! grows with each try.

use std::time::Duration;

use tokio::time::Instant;

use crate::commands::client::{Answer, Ask, Client, Error};

/// The first wait if the server does not say how long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long a command waits for a server that is away or busy, counted from the last success.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    limit: Duration,
    since: Instant,
    next: Duration,
}

impl Patience {
    /// Waits for up to this long in all.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), next: FIRST_WAIT }
    }

    /// Does not wait: a request that cannot be answered at once is an error.
    pub(super) fn none() -> Self {
        Self::new(Duration::ZERO)
    }

    /// Starts the time again after a success.
    pub(super) fn refresh(&mut self) {
        *self = Self::new(self.limit);
    }

    /// Waits before the next try, if this error may pass; otherwise gives the error back.
    pub(super) async fn wait_after(&mut self, error: Error) -> Result<(), Error> {
        let asked = match &error {
            Error::Unreachable { .. } | Error::NoAnswer { .. } => None,
            Error::Problem(problem) => match (problem.status, problem.kind()) {
                // A node without an index or a feed does not get one by being asked again.
                (503, "index-off") => return Err(error),
                (408 | 429 | 502..=504, _) => problem.retry_after.map(Duration::from_secs),
                _ => return Err(error),
            },
            Error::Unusable(_) => return Err(error),
        };
        if self.wait(asked).await { Ok(()) } else { Err(error) }
    }

    /// Waits as long as the server asked, or longer each time; false if that would exceed the limit.
    pub(super) async fn wait(&mut self, asked: Option<Duration>) -> bool {
        let wait = asked.unwrap_or(self.next);
        if self.since.elapsed() + wait > self.limit {
            return false;
        }
        tokio::time::sleep(wait).await;
        self.next = (self.next * 2).min(LONGEST_WAIT);
        true
    }

    /// Repeats a request until it is answered.
    pub(super) async fn send(&mut self, client: &Client, ask: &Ask) -> Result<Answer, Error> {
        loop {
            match client.send(ask.clone()).await {
                Ok(answer) => {
                    self.refresh();
                    return Ok(answer);
                }
                Err(error) => self.wait_after(error).await?,
            }
        }
    }
}
