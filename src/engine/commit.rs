//! Writing through uncertainty: a write whose answer is lost is sent again, and whether an earlier
//! try was stored is found out by reading, never guessed.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::domain::machine::ARM_FRESH;
use crate::domain::time::Timestamp;
use crate::domain::timer::{Timer, TimerId};
use crate::engine::{Engine, Patience};
use crate::nats::{NatsError, Put, Stored};

/// The pauses between tries: short at first, since most trouble is one lost message.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What became of a compare-and-swap.
pub(super) enum Committed {
    /// The record is stored under this revision.
    Done(u64),
    /// Someone else was first: this is the record now.
    Lost(Option<Box<Stored>>),
}

/// A wake that was armed for the record about to be stored.
#[derive(Clone, Copy)]
pub(super) struct Armed {
    at: Timestamp,
    since: Instant,
}

/// Tries that go on until patience ends.
struct Tries {
    patience: Patience,
    pause: Duration,
}

impl Tries {
    fn new(patience: Patience) -> Self {
        Self { patience, pause: FIRST_PAUSE }
    }

    /// Waits before the next try; gives the error back if there is to be none.
    async fn after(&mut self, error: NatsError) -> Result<(), NatsError> {
        match (&error, self.patience) {
            (NatsError::Unreadable(_) | NatsError::TooLarge { .. }, _) => return Err(error),
            (NatsError::Unclear(_) | NatsError::NotDone(_), Patience::Until(deadline))
                if Instant::now() + self.pause >= deadline =>
            {
                return Err(error);
            }
            (NatsError::Unclear(_) | NatsError::NotDone(_), Patience::Until(_) | Patience::Endless) => {}
        }
        tracing::debug!(%error, "trying again");
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

impl Engine {
    /// Reads a record from the leader.
    pub(super) async fn read_through(
        &self,
        id: TimerId,
        patience: Patience,
    ) -> Result<Option<Stored>, NatsError> {
        let mut tries = Tries::new(patience);
        loop {
            match self.store.read(id).await {
                Ok(stored) => return Ok(stored),
                Err(error) => tries.after(error).await?,
            }
        }
    }

    /// Arms a wake.
    pub(super) async fn arm(
        &self,
        id: TimerId,
        at: Timestamp,
        patience: Patience,
    ) -> Result<Armed, NatsError> {
        // One id for all tries, so that a try whose answer was lost is not stored twice.
        let try_id = Uuid::new_v4();
        let mut tries = Tries::new(patience);
        loop {
            let since = Instant::now();
            match self.wakes.arm(id, at, self.clock.now(), try_id).await {
                Ok(()) => return Ok(Armed { at, since }),
                Err(error) => tries.after(error).await?,
            }
        }
    }

    /// Stores `timer` in place of revision `expected` (0: of nothing), arming its wake again whenever
    /// that has become stale. The same record is sent at every try, so one that has arrived late
    /// is recognised.
    pub(super) async fn commit(
        &self,
        timer: &Timer,
        expected: u64,
        mut armed: Option<Armed>,
        patience: Patience,
    ) -> Result<Committed, NatsError> {
        let mut tries = Tries::new(patience);
        let mut may_be_stored = false;
        loop {
            if let Some(stale) = armed.filter(|armed| armed.since.elapsed() > ARM_FRESH) {
                armed = Some(self.arm(timer.id, stale.at, patience).await?);
            }
            match self.store.put(timer, expected).await {
                Ok(Put::Done(revision)) => return Ok(Committed::Done(revision)),
                Ok(Put::Lost) => {
                    let now = self.read_through(timer.id, patience).await?;
                    return Ok(match now {
                        Some(stored) if may_be_stored && stored.timer == *timer => {
                            Committed::Done(stored.revision)
                        }
                        other => Committed::Lost(other.map(Box::new)),
                    });
                }
                Err(error) => {
                    may_be_stored |= matches!(error, NatsError::Unclear(_));
                    tries.after(error).await?;
                }
            }
        }
    }
}
