//! What clients ask for: create, read, cancel, change, fire and replay a timer, each with a definite
//! answer.

use crate::domain::machine::{Effect, Input, Refusal, step};
use crate::domain::timer::{Timer, TimerId};
use crate::engine::commit::{Armed, Committed, Lost};
use crate::engine::{Engine, Patience};
use crate::nats::{NatsError, Stored};
use crate::room::size;

/// What became of a creation.
pub enum Created {
    /// The timer is stored, and its wake before it.
    New(Stored),
    /// There is a timer of this id already; nothing was changed.
    Existing(Stored),
}

/// What became of a client's wish about a timer.
pub enum Applied {
    /// It is done, and this is the timer now.
    Done(Stored),
    /// It does not fit what the timer is, which is this.
    Refused(Refusal, Stored),
    /// The timer is not at a revision that the client allows any more; nothing was done.
    Changed(Stored),
    /// There is no such timer.
    NotFound,
}

impl Engine {
    /// Creates a timer. `may_exist` says that its id was made of an idempotency key, so that it is
    /// worth a look whether an earlier request has created it.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] once patience is over; the timer may be there all the same. [`NatsError::NoRoom`] at once, if a client
    /// waits and what JetStream may still store is kept for timers that are promised already.
    pub async fn create(
        &self,
        timer: Timer,
        may_exist: bool,
        patience: Patience,
    ) -> Result<Created, NatsError> {
        if may_exist && let Some(existing) = self.read_through(timer.id, patience).await? {
            return Ok(Created::Existing(existing));
        }
        // Callbacks, which nobody waits for, are promised already.
        let _pending = match patience {
            Patience::Until(_) => Some(self.room.take(size::of_timer(&timer)).await?),
            Patience::Endless => None,
        };
        let armed = self.arm_new(timer.id, &timer.target.url, timer.due_at, patience).await?;
        // A record that is stored before would have a number that newer data had too. The wake comes first: whether NATS stores
        // anything at all shows by it.
        self.compare_through(patience).await?;
        match self.commit(&timer, None, Some(armed), patience).await? {
            Committed::Done(revision) => Ok(Created::New(Stored { timer, revision })),
            // An id that was drawn at random is ours alone: a worker was faster than the answer.
            Committed::Lost(Lost { now: Some(own), .. }) if !may_exist => Ok(Created::New(*own)),
            Committed::Lost(Lost { now: Some(existing), .. }) => Ok(Created::Existing(*existing)),
            Committed::Lost(Lost { now: None, .. }) => Err(NatsError::NotDone(format!(
                "the record of timer {} was removed by hand; its id is free again once the removal is purged \
                 from the bucket",
                timer.id
            ))),
        }
    }

    /// Reads a timer as it is at this moment.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] once patience is over.
    pub async fn read(&self, id: TimerId, patience: Patience) -> Result<Option<Stored>, NatsError> {
        self.read_through(id, patience).await
    }

    /// Reads a timer as some replica has it: fast, and possibly a moment old. For lists, which are that anyway.
    ///
    /// # Errors
    ///
    /// A [`NatsError`].
    pub async fn peek(&self, id: TimerId) -> Result<Option<Stored>, NatsError> {
        self.store.peek(id).await
    }

    /// Applies a client's input to a timer, if its revision is one of `only`.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] once patience is over; it may be done all the same, and asking again tells. [`NatsError::NoRoom`] at
    /// once, if it would let the timer grow where there is no room for that.
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
            // The client saw a timer that waits, and it must have been over: it is told so.
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
                        armed = Some(self.arm(id, url, at, patience).await?);
                    }
                    Effect::Store(timer) => {
                        match self.commit(&timer, Some(&stored), armed, patience).await? {
                            Committed::Done(revision) if restored => {
                                self.metrics.sweep.stored(&timer.state);
                                known = Some(Stored { timer: *timer, revision });
                                continue 'again;
                            }
                            Committed::Done(revision) => stored = Stored { timer: *timer, revision },
                            // Neither "done" nor "nothing was done" can be answered, and what may have been done,
                            // such as a replay, is not done twice.
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
                    // Effects of wakes: there is none here.
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

    /// Removes the timer's waiting wakes, or those that are older than `armed`. It tries once: a wake that stays finds a
    /// record that does not need it, and is settled.
    pub(super) async fn disarm(&self, id: TimerId, armed: Option<Armed>) {
        if let Err(error) = self.wakes.disarm(id, armed.map(|armed| armed.sequence)).await {
            tracing::debug!(timer = %id, %error, "a waiting wake stays until its instant");
        }
    }
}
