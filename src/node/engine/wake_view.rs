//! A worker's knowledge of a timer while it attends to a wake.

use super::memory::{Kept, Looking, Memory};
use super::{Engine, Patience};
use crate::foundation::metrics::Counter;
use crate::nats::{NatsError, Stored, Wake};
use rules::domain::timer::{ClaimId, State, TimerId};

/// The known facts about a timer.
pub(super) struct WakeView {
    /// Its record, if there is one. It is also absent while the timer waits and there is no room for the record.
    pub(super) stored: Option<Stored>,
    /// Whether the record was read from the leader, or written by this worker.
    pub(super) fresh: bool,
    /// The right to look at the record, until it has other room: with the timers that wait, or in the places of its call.
    pub(super) looking: Option<Looking>,
}

impl WakeView {
    /// Reads the record of a wake's timer from any replica, which is cheap. Only the leader can say that there is no record.
    pub(super) async fn look(engine: &Engine, memory: &Memory, wake: &Wake) -> Result<Self, NatsError> {
        let looking = Some(memory.look(wake.receiver.as_deref()).await);
        match engine.store.peek(wake.id).await? {
            Some(stored) => Ok(Self { stored: Some(stored), fresh: false, looking }),
            None => Ok(Self { stored: engine.store.read(wake.id).await?, fresh: true, looking }),
        }
    }

    /// Reads the record from the leader, however long that takes.
    pub(super) async fn read_again(&mut self, engine: &Engine, id: TimerId) -> Result<(), NatsError> {
        // Two records would take twice the memory at a time.
        self.stored = None;
        self.stored = engine.read_through(id, Patience::Endless).await?;
        self.fresh = true;
        Ok(())
    }

    /// Notes the record as the leader has it now.
    pub(super) fn is_now(&mut self, stored: Option<Stored>) {
        (self.stored, self.fresh) = (stored, true);
    }

    /// Whether this claim is stored and its call was not reported yet.
    pub(super) fn is_claimed_as(&self, name: ClaimId) -> bool {
        let state = self.stored.as_ref().map(|stored| &stored.timer.state);
        matches!(state, Some(State::Firing { claim, .. }) if claim.id == name)
    }

    /// Notes that the timer waits from now on. If there is no room for its record meanwhile, the record is dropped and has to be read
    /// again.
    pub(super) fn waits(&mut self, memory: &Memory, dropped: &Counter) -> Option<Kept> {
        let kept = self.stored.as_ref().and_then(|stored| memory.keep(&stored.timer));
        if kept.is_none() && self.stored.take().is_some() {
            dropped.inc();
        }
        self.looking = None;
        kept
    }
}
