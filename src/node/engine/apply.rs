//! The requests of clients: create, read, cancel, change, fire and replay a timer, each with a definite
//! answer.

use crate::nats::{NatsError, Stored};
use crate::node::engine::commit::{Armed, ArmedBy, Committed, Lost};
use crate::node::engine::{Engine, Patience};
use rules::domain::machine::{Effect, Input, Refusal, step};
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

    /// Applies a client's input to a timer, if its revision is one of `only`.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] once patience is over; the request may be done anyway, and asking again tells. [`NatsError::NoRoom`] at
    /// once, if the request lets the timer grow and there is no room for that.
    pub async fn apply(
        &self,
        id: TimerId,
        input: Input,
        only: Option<&[u64]>,
        patience: Patience,
    ) -> Result<Applied, NatsError> {
        self.compare_through(patience).await?;
        let mut known = self.read_through(id, patience).await?;
        let mut pending = None;
        'again: loop {
            let Some(mut stored) = known else { return Ok(Applied::NotFound) };
            if only.is_some_and(|only| !only.contains(&stored.revision)) {
                return Ok(Applied::Changed(stored));
            }
            // The client saw a waiting timer that must have been over already, and is told so.
            let restored = self.guard.is_restored(&stored);
            let wish = if restored { Input::Restored } else { input.clone() };
            let effects = match step(&stored.timer, wish, self.clock.moment()) {
                Ok(effects) => effects,
                Err(refusal) => return Ok(Applied::Refused(refusal, stored)),
            };
            if let Input::Change(change) = &input
                && size::of_change(change) > 0
                && pending.is_none()
            {
                pending = Some(self.room.take(size::of_change(change)).await?);
            }
            let mut armed = None;
            for effect in effects {
                match effect {
                    Effect::Arm { at } => {
                        let url = input.new_url().unwrap_or(&stored.timer.target.url);
                        armed = Some(self.arm(id, url, at, ArmedBy::Client, patience).await?);
                    }
                    Effect::Store(timer) => {
                        match self.commit(&timer, Some(&stored), armed, patience).await? {
                            Committed::Done(revision) if restored => {
                                self.metrics.sweep.stored(&timer.state);
                                known = Some(Stored { timer: *timer, revision });
                                continue 'again;
                            }
                            Committed::Done(revision) => stored = Stored { timer: *timer, revision },
                            // Neither answer would be certain, "done" or "nothing was done". A write that may be done already,
                            // such as a replay, must not be done twice.
                            Committed::Lost(lost) if lost.may_have_been_done => {
                                return Err(NatsError::Unclear(
                                    "a write may have been stored before the timer was changed again"
                                        .to_owned(),
                                ));
                            }
                            Committed::Lost(lost) => {
                                known = lost.now.map(|current| *current);
                                continue 'again;
                            }
                        }
                    }
                    Effect::Disarm => self.disarm(id, armed).await,
                    // These effects concern a wake, and a client's request has none.
                    Effect::Notify(_)
                    | Effect::Call { .. }
                    | Effect::Hold { .. }
                    | Effect::Later { .. }
                    | Effect::Settle => {}
                }
            }
            return Ok(Applied::Done(stored));
        }
    }

    /// Removes the timer's waiting wakes, or only those that are older than `armed`. It tries once: a wake that stays finds a
    /// record that does not need it, and is settled.
    pub(super) async fn disarm(&self, id: TimerId, armed: Option<Armed>) {
        if let Err(error) = self.wakes.disarm(id, armed.map(|armed| armed.sequence)).await {
            tracing::debug!(timer = %id, %error, "a waiting wake stays until its instant");
        }
    }
}
