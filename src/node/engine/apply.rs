//! The requests of clients: create, read, cancel, change, fire and replay a timer, each with a definite
//! answer.

use crate::nats::{NatsError, Stored};
use crate::node::engine::carry_out::Carried;
use crate::node::engine::commit::{ArmedBy, Committed, Lost};
use crate::node::engine::{Engine, Patience};
use rules::domain::machine::{Command, Input, Refusal, obey, step};
use rules::domain::timer::{Timer, TimerId};
use rules::room::size;

/// The result of a creation.
pub enum Created {
    /// The timer is stored under this revision, and its wake was stored before it.
    New(u64),
    /// The timer was stored, and a worker changed it before NATS' answer came. This is the timer now.
    Begun(Box<Stored>),
    /// A timer with this id exists already; nothing was changed.
    Existing(Box<Stored>),
}

/// The result of a client's request about a timer.
pub enum Applied {
    /// The request is done, and this is the timer now.
    Done(Stored),
    /// The request does not fit the timer's state. This is the timer.
    Refused(Refusal, Stored),
    /// The timer is no longer at a revision that the client allows; nothing was done.
    Changed(Stored),
    /// No timer has this id.
    NotFound,
}

impl Engine {
    /// Creates a timer. `may_exist` says that its id was made of an idempotency key, so an earlier request may have
    /// created it, which is checked first.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] once patience is over; the timer may exist anyway. [`NatsError::NoRoom`] at once, if a client
    /// waits and JetStream's remaining space is kept for timers that are promised already.
    pub async fn create(
        &self,
        timer: &Timer,
        may_exist: bool,
        patience: Patience,
    ) -> Result<Created, NatsError> {
        if may_exist && let Some(existing) = Box::pin(self.read_through(timer.id, patience)).await? {
            return Ok(Created::Existing(Box::new(existing)));
        }
        // Callbacks, for which no client waits, are promised already.
        let _pending = match patience {
            Patience::Until(_) => Some(self.room.take(size::of_timer(timer)).await?),
            Patience::Endless => None,
        };
        let armed = self.arm(timer.id, &timer.target.url, timer.due_at, ArmedBy::Creation, patience).await?;
        // A record that is stored before the comparison could have a sequence that lost, newer data had, too. The wake comes even
        // before it, since it shows whether NATS stores anything at all.
        self.compare_through(patience).await?;
        match self.commit(timer, None, Some(armed), patience).await? {
            Committed::Done(revision) => Ok(Created::New(revision)),
            // A random id is ours alone, so the write was stored, and a worker changed the timer before the answer came.
            Committed::Lost(Lost { now: Some(own), .. }) if !may_exist => Ok(Created::Begun(own)),
            Committed::Lost(Lost { now: Some(existing), .. }) => Ok(Created::Existing(existing)),
            Committed::Lost(Lost { now: None, .. }) => Err(NatsError::NotDone(format!(
                "the record of timer {} was removed by hand; its id is free again once the removal is purged \
                 from the bucket",
                timer.id
            ))),
        }
    }

    /// Reads a timer's current state, from the leader.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] once patience is over.
    pub async fn read(&self, id: TimerId, patience: Patience) -> Result<Option<Stored>, NatsError> {
        self.read_through(id, patience).await
    }

    /// Reads a timer from any replica: fast, and possibly slightly stale. For lists, which are slightly stale anyway.
    ///
    /// # Errors
    ///
    /// Any error at once, without another try.
    pub async fn peek(&self, id: TimerId) -> Result<Option<Stored>, NatsError> {
        self.store.peek(id).await
    }

    /// Applies a client's command to a timer, if its revision is one of `only`.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] once patience is over; the request may be done anyway, and asking again tells. [`NatsError::NoRoom`] at
    /// once, if the request lets the timer grow and there is no room for that.
    pub async fn apply(
        &self,
        id: TimerId,
        command: Command,
        only: Option<&[u64]>,
        patience: Patience,
    ) -> Result<Applied, NatsError> {
        self.compare_through(patience).await?;
        let mut known = self.read_through(id, patience).await?;
        let mut pending = None;
        loop {
            let Some(stored) = known else { return Ok(Applied::NotFound) };
            if only.is_some_and(|only| !only.contains(&stored.revision)) {
                return Ok(Applied::Changed(stored));
            }
            let now = self.clock.moment();
            // The client saw a timer that must have been over already. It is ended first, and the client is told so.
            let ends = if self.guard.is_restored(&stored) && !stored.timer.state.is_final() {
                step(&stored.timer, Input::Restored, now).effects
            } else {
                vec![]
            };
            let is_ended = !ends.is_empty();
            let effects = if is_ended {
                ends
            } else {
                match obey(&stored.timer, command.clone(), now) {
                    Ok(effects) => effects,
                    Err(refusal) => return Ok(Applied::Refused(refusal, stored)),
                }
            };
            if let Command::Change(change) = &command
                && size::of_change(change) > 0
                && pending.is_none()
            {
                pending = Some(self.room.take(size::of_change(change)).await?);
            }
            let carried = self.carry_out(effects, &stored, ArmedBy::Client, patience, |after| {
                if is_ended {
                    self.metrics.sweep.stored(&after.state);
                }
            });
            known = match carried.await? {
                Carried::Out(now) if is_ended => now.map(|now| *now),
                Carried::Out(now) => return Ok(Applied::Done(now.map_or(stored, |now| *now))),
                // Neither answer would be certain, "done" or "nothing was done". A write that may be done already, such as a replay,
                // must not be done twice.
                Carried::Lost(lost) if lost.may_have_been_done => {
                    return Err(NatsError::Unclear(
                        "a write may have been stored before the timer was changed again".to_owned(),
                    ));
                }
                Carried::Lost(lost) => lost.now.map(|current| *current),
                Carried::Failed { error, .. } => return Err(error),
            };
        }
    }
}
