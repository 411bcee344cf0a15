//! Writes through uncertainty: it sends a write again if the answer is lost, and reads whether an earlier try was stored
//! instead of guessing.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::nats::{NatsError, Put, Stored};
use crate::node::engine::{Engine, Patience};
use rules::backoff::Backoff;
use rules::domain::machine::{ARM_FRESH, LEAD, lead_of};
use rules::domain::target::TargetUrl;
use rules::domain::time::Timestamp;
use rules::domain::timer::{State, Timer, TimerId};

/// The pauses between tries: short at first, since most trouble is one lost message.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(20), longest: Duration::from_secs(1) };

/// The result of a compare-and-swap.
pub(super) enum Committed {
    /// The record is stored under this revision.
    Done(u64),
    /// There is another record, or none.
    Lost(Lost),
}

/// The facts about a swap that found another record.
pub(super) struct Lost {
    /// The record now; `None` if it was removed by hand.
    pub(super) now: Option<Box<Stored>>,
    /// Whether an earlier try may have been stored, and changed by another writer before this one. If not, another writer
    /// was first.
    pub(super) may_have_been_done: bool,
}

/// The occasion for a wake.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ArmedBy {
    /// A worker keeps or postpones a timer: its wake comes [`LEAD`] before the instant.
    Worker,
    /// A client has chosen the instant. Many timers may share it, so their wakes are spread over the time before it.
    Client,
    /// The same for a timer that is about to be stored for the first time. If a client waits for it, it is not tried again
    /// without room.
    Creation,
}

/// A wake that was armed for the record about to be stored.
#[derive(Clone, Copy)]
pub(super) struct Armed {
    at: Timestamp,
    lead: Duration,
    since: Instant,
    /// Its sequence number in the stream of wakes.
    pub(super) sequence: u64,
}

/// Tries that go on until patience ends.
struct Tries {
    patience: Patience,
    failures: u32,
    /// Whether the write is for a client's new timer. Such a write is not tried again if JetStream has no room: each try costs a
    /// full cluster its leader.
    is_new: bool,
}

impl Tries {
    fn new(patience: Patience) -> Self {
        Self { patience, failures: 0, is_new: false }
    }

    fn of_new(patience: Patience) -> Self {
        Self { is_new: matches!(patience, Patience::Until(_)), ..Self::new(patience) }
    }

    /// Waits before the next try, or returns the error if there must be no other try.
    async fn after(&mut self, error: NatsError) -> Result<(), NatsError> {
        let pause = BACKOFF.after(self.failures);
        match (&error, self.patience) {
            (NatsError::Unreadable(_) | NatsError::TooLarge { .. }, _) => return Err(error),
            (NatsError::NoRoom(_), _) if self.is_new => return Err(error),
            (
                NatsError::Unclear(_) | NatsError::NotDone(_) | NatsError::NoRoom(_),
                Patience::Until(deadline),
            ) if Instant::now() + pause >= deadline => return Err(error),
            (
                NatsError::Unclear(_) | NatsError::NotDone(_) | NatsError::NoRoom(_),
                Patience::Until(_) | Patience::Endless,
            ) => {}
        }
        tracing::debug!(%error, "a request to NATS failed; trying again");
        tokio::time::sleep(pause).await;
        self.failures = self.failures.saturating_add(1);
        Ok(())
    }
}

impl Engine {
    /// Waits until the bucket was compared with this node's knowledge of it.
    pub(super) async fn compare_through(&self, patience: Patience) -> Result<(), NatsError> {
        let mut tries = Tries::new(patience);
        loop {
            // The comparison may wait for another caller's, so the deadline bounds it here.
            let compared = match patience {
                Patience::Endless => self.guard.compare().await,
                Patience::Until(deadline) => {
                    let compared = tokio::time::timeout_at(deadline, self.guard.compare()).await;
                    compared.unwrap_or_else(|_| {
                        Err(NatsError::NotDone("NATS does not show the bucket of timers".to_owned()))
                    })
                }
            };
            match compared {
                Ok(()) => return Ok(()),
                Err(error) => tries.after(error).await?,
            }
        }
    }

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

    /// Arms a wake for a timer that calls this URL.
    pub(super) async fn arm(
        &self,
        id: TimerId,
        url: &TargetUrl,
        at: Timestamp,
        by: ArmedBy,
        patience: Patience,
    ) -> Result<Armed, NatsError> {
        let lead = match by {
            ArmedBy::Worker => LEAD,
            ArmedBy::Client | ArmedBy::Creation => lead_of(id, at, self.clock.moment()),
        };
        let tries = if by == ArmedBy::Creation { Tries::of_new(patience) } else { Tries::new(patience) };
        self.arm_at(id, url, at, lead, tries).await
    }

    async fn arm_at(
        &self,
        id: TimerId,
        url: &TargetUrl,
        at: Timestamp,
        lead: Duration,
        mut tries: Tries,
    ) -> Result<Armed, NatsError> {
        let receiver = url.authority();
        // One id for all tries, so that a try whose answer was lost is not stored twice.
        let try_id = Uuid::new_v4();
        loop {
            let since = Instant::now();
            match self.wakes.arm(id, at, lead, &receiver, self.clock.now(), try_id).await {
                Ok(sequence) => return Ok(Armed { at, lead, since, sequence }),
                Err(error) => Box::pin(tries.after(error)).await?,
            }
        }
    }

    /// Stores `timer` in place of the record `over`, or as a new record, and arms its wake again whenever
    /// that has become stale. Every try sends the same record, so a try that has arrived late
    /// is recognised.
    pub(super) async fn commit(
        &self,
        timer: &Timer,
        over: Option<&Stored>,
        mut armed: Option<Armed>,
        patience: Patience,
    ) -> Result<Committed, NatsError> {
        let mut tries = if over.is_none() { Tries::of_new(patience) } else { Tries::new(patience) };
        let mut may_be_stored = false;
        loop {
            if let Some(stale) = armed.filter(|armed| armed.since.elapsed() > ARM_FRESH) {
                let tries = Tries::new(patience);
                let again = self.arm_at(timer.id, &timer.target.url, stale.at, stale.lead, tries);
                armed = Some(Box::pin(again).await?);
            }
            match self.store.put(timer, over).await {
                Ok(Put::Done(revision)) => {
                    self.guard.wrote(timer.id, revision);
                    return Ok(Committed::Done(revision));
                }
                Ok(Put::Lost) => {
                    let now = Box::pin(self.read_through(timer.id, patience)).await?;
                    match refused(timer, over, now, may_be_stored) {
                        Some(committed) => return Ok(committed),
                        None => Box::pin(tries.after(NatsError::another_is_on_its_way())).await?,
                    }
                }
                Err(error) => {
                    may_be_stored |= matches!(error, NatsError::Unclear(_));
                    Box::pin(tries.after(error)).await?;
                }
            }
        }
    }
}

/// Says what a refused swap means, given the record `over` that it was meant to replace, the record `now`, and whether an earlier try may
/// have been stored. `None` if `now` is still `over`: a leader with replicas also refuses a swap while it has proposed another write
/// of the record and not applied it. That other write may be an earlier try of this one, so the answer is not known yet.
fn refused(
    timer: &Timer,
    over: Option<&Stored>,
    now: Option<Stored>,
    may_be_stored: bool,
) -> Option<Committed> {
    match (over, now) {
        (Some(over), Some(now)) if now.revision == over.revision => None,
        (over, Some(stored))
            if may_be_stored && stored.timer == *timer && over.is_none_or(|over| stored.is_like(over)) =>
        {
            Some(Committed::Done(stored.revision))
        }
        (_, now) => Some(Committed::Lost(Lost {
            now: now.map(Box::new),
            // Nothing changes a cancelled timer: if the cancel had been stored, it would still be there.
            may_have_been_done: may_be_stored && !matches!(timer.state, State::Cancelled { .. }),
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::domain::attempt::Delivery;
    use rules::domain::sample::a_timer;

    fn outcome(timer: &Timer, now: Option<&Timer>, may_be_stored: bool) -> &'static str {
        let over = Stored::new(timer.clone(), 6);
        let now = now.map(|timer| Stored::new(timer.clone(), 7));
        match refused(timer, Some(&over), now, may_be_stored) {
            Some(Committed::Done(7)) => "done",
            Some(Committed::Done(_)) => "another revision",
            Some(Committed::Lost(lost)) if lost.may_have_been_done => "unclear",
            Some(Committed::Lost(_)) => "not done",
            None => "on its way",
        }
    }

    #[test]
    fn a_refused_swap_is_called_not_done_only_if_that_is_certain() {
        let ours = a_timer(Delivery::AtMostOnce, 3);
        let mut moved_on = ours.clone();
        moved_on.state = State::Delivered { at: ours.due_at };
        let mut cancelled = ours.clone();
        cancelled.state = State::Cancelled { at: ours.due_at };
        for (timer, now, may_be_stored, expected) in [
            (&ours, Some(&ours), true, "done"),
            (&ours, Some(&moved_on), true, "unclear"),
            (&ours, None, true, "unclear"),
            (&ours, Some(&moved_on), false, "not done"),
            // The record is equal, but another writer stored it first.
            (&ours, Some(&ours), false, "not done"),
            (&cancelled, Some(&cancelled), true, "done"),
            (&cancelled, Some(&moved_on), true, "not done"),
        ] {
            assert_eq!(outcome(timer, now, may_be_stored), expected, "{now:?} {may_be_stored}");
        }
    }

    #[test]
    fn a_swap_that_is_refused_though_its_record_is_there_is_tried_again() {
        let old = a_timer(Delivery::AtMostOnce, 3);
        let over = Stored::new(old.clone(), 6);
        let now = || Some(Stored::new(old.clone(), 6));
        assert!(refused(&old, Some(&over), now(), true).is_none());
        assert!(refused(&old, Some(&over), now(), false).is_none());
        assert!(refused(&old, None, now(), false).is_some(), "a creation finds another timer");
    }
}
