//! Asking again what may be asked twice, while jettimer is away or busy: after as long as it says, or as is polite.

use std::time::Duration;

use tokio::time::Instant;

use crate::client::{Answer, Ask, Client, Error};

/// The wait where nobody says how long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long what is away is waited for, since something was last done.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    limit: Duration,
    since: Instant,
    next: Duration,
}

impl Patience {
    /// As long as this.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), next: FIRST_WAIT }
    }

    /// None: what cannot be done at once is an error.
    pub(super) fn none() -> Self {
        Self::new(Duration::ZERO)
    }

    /// Something was done.
    pub(super) fn refresh(&mut self) {
        *self = Self::new(self.limit);
    }

    /// Waits as long as is worth it after this error, or gives it back.
    pub(super) async fn wait_after(&mut self, error: Error) -> Result<(), Error> {
        let asked = match &error {
            Error::Unreachable { .. } | Error::NoAnswer { .. } => None,
            Error::Problem(problem) => match (problem.status, problem.kind()) {
                // A node without an index or a feed does not get one by being asked again.
                (503, "index-off" | "feed-off") => return Err(error),
                (408 | 429 | 502..=504, _) => problem.retry_after.map(Duration::from_secs),
                _ => return Err(error),
            },
            Error::Unusable(_) => return Err(error),
        };
        if self.wait(asked).await { Ok(()) } else { Err(error) }
    }

    /// Waits for so long, or for longer each time; false if that would be too long.
    pub(super) async fn wait(&mut self, asked: Option<Duration>) -> bool {
        let wait = asked.unwrap_or(self.next);
        if self.since.elapsed() + wait > self.limit {
            return false;
        }
        tokio::time::sleep(wait).await;
        self.next = (self.next * 2).min(LONGEST_WAIT);
        true
    }

    /// Asks until there is an answer.
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
