//! Acts on the journals of nodes that are gone, so that their timers do not wait for the end of the claims' leases.
//!
//! The journal says how far a call had come, and the record whether that still matters: only a record with the very claim of
//! the entry is changed, by compare-and-swap. The timer's wake is left to the worker that gets it.

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::foundation::metrics::Inherited;
use crate::nats::NatsError;
use crate::node::engine::carry_out::Carried;
use crate::node::engine::commit::ArmedBy;
use crate::node::engine::{Engine, Patience, measure, report};
use crate::node::journal::Left;
use crate::node::journal::format::{Mark, Noted};
use rules::domain::machine::{Input, step};
use rules::domain::timer::{ClaimId, Doubt, State, Timer};

/// How many records are read at the same time: enough to finish a full journal in a fraction of a second.
const AT_ONCE: usize = 32;

impl Engine {
    /// Acts on each entry that was left, for as long as NATS takes. A stopping node drops this future, and the next node reads the
    /// remaining entries.
    pub async fn inherit(&self, left: Vec<Left>) {
        for mut journal in left {
            let mut found = [0_usize; 4];
            let mut trouble = None;
            let mut entries = stream::iter(std::mem::take(&mut journal.entries))
                .map(|entry| self.inherit_one(entry))
                .buffer_unordered(AT_ONCE);
            while let Some(done) = entries.next().await {
                match done {
                    Ok(what) => {
                        self.metrics.journal.inherited.count(what);
                        found[what as usize] += 1;
                    }
                    // This claim stays until its lease is over.
                    Err(error) => trouble = Some(error),
                }
            }
            drop(entries);
            let [not_sent, answered, on_its_way, over] = found;
            tracing::info!(
                not_sent,
                answered,
                on_its_way,
                over,
                trouble = trouble.map(|error| error.to_string()),
                "read the journal of a node that is gone"
            );
            if let Err(error) = journal.done() {
                tracing::warn!(%error, "cannot mark a journal as read; the next start reads it once more");
            }
        }
    }

    async fn inherit_one(&self, entry: Noted) -> Result<Inherited, NatsError> {
        self.guard.compare().await?;
        let mut known = self.read_through(entry.timer, Patience::Endless).await?;
        loop {
            let Some(stored) = &known else { return Ok(Inherited::Over) };
            if holder(&stored.timer.state) != Some(entry.claim) {
                return Ok(Inherited::Over);
            }
            // A record that was brought back may have the claim of a journal that no node has read for a long time.
            let (input, what) = if self.guard.is_restored(stored) {
                (Input::Restored, Inherited::Over)
            } else {
                meaning(&entry)
            };
            let effects = step(&stored.timer, input, self.clock.moment()).effects;
            let mut done = Inherited::Over;
            // The worker that gets the wake decides about it.
            let carried = self.carry_out(effects, stored, ArmedBy::Worker, Patience::Endless, |after| {
                done = what;
                self.tell(&entry, &stored.timer.state, after);
            });
            match carried.await? {
                Carried::Out(_) => return Ok(done),
                Carried::Lost(lost) => known = lost.now.map(|now| *now),
                Carried::Failed { error, .. } => return Err(error),
            }
        }
    }

    fn tell(&self, entry: &Noted, before: &State, timer: &Timer) {
        // A record that was brought back ends, however far its call had come.
        if matches!((&entry.mark, &timer.state), (Mark::Claimed, State::Scheduled { .. })) {
            report::given_back(timer, "the node was killed");
        } else {
            let called = matches!(entry.mark, Mark::Answered(_));
            measure::stored(&self.metrics.work, before, &timer.state, called);
            report::stored(timer);
        }
        self.metrics.sweep.stored(&timer.state);
    }
}

fn meaning(entry: &Noted) -> (Input, Inherited) {
    let claim = entry.claim;
    match &entry.mark {
        Mark::Claimed => (Input::NotMade { claim }, Inherited::NotSent),
        Mark::Written => (Input::CutOff { claim }, Inherited::OnItsWay),
        Mark::Answered(called) => (Input::Outcome { claim, called: called.clone() }, Inherited::Answered),
    }
}

/// The claim that the record has.
fn holder(state: &State) -> Option<ClaimId> {
    match state {
        State::Firing { claim, .. } | State::Unknown { doubt: Doubt::NoOutcome(claim), .. } => Some(claim.id),
        State::Scheduled { .. }
        | State::Delivered { .. }
        | State::Failed { .. }
        | State::Cancelled { .. }
        | State::Unknown { doubt: Doubt::Restored, .. } => None,
    }
}
