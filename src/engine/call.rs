//! Making a call: its place, its measures, and what the receiver's breaker hears of it.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::domain::attempt::CallResult;
use crate::domain::called::Called;
use crate::domain::timer::{Claim, Timer};
use crate::engine::{Engine, Worker, measure};
use crate::journal::Entry;
use crate::receivers::{Admission, Place};
use crate::webhook::Departure;

/// The right to make a call now: with the receiver, and with this node.
pub(super) struct CallPlace {
    /// Given back once the call has ended.
    receiver: Option<Place>,
    /// Given back once the outcome is stored.
    _node: Option<OwnedSemaphorePermit>,
    /// What is noted of the call.
    entry: Entry,
}

impl CallPlace {
    /// The same, with an entry of the journal for the call.
    pub(super) fn noted(self, entry: Entry) -> Self {
        Self { entry, ..self }
    }

    /// The outcome is stored.
    pub(super) fn stored(&self) {
        self.entry.stored();
    }
}

impl Engine {
    /// Waits for a place at the receiver and then for one of this node's, or says when to come back.
    pub(super) async fn admitted(&self, worker: &Worker, timer: &Timer) -> Result<CallPlace, Duration> {
        match worker.receivers.admit(timer).await {
            Admission::Postpone(wait, why) => {
                self.metrics.work.postponed.count(measure::why(why));
                Err(wait)
            }
            Admission::Enter(receiver) => {
                let node = worker.calls.clone().acquire_owned().await.ok();
                Ok(CallPlace { receiver: Some(receiver), _node: node, entry: Entry::default() })
            }
        }
    }

    /// Calls, and measures it.
    pub(super) async fn call(
        &self,
        worker: &Worker,
        timer: &Timer,
        claim: &Claim,
        attempt: u32,
        place: &mut Option<CallPlace>,
    ) -> Called {
        if worker.abort.is_cancelled() {
            return Called::not_made("the node was stopped before the call");
        }
        let work = &self.metrics.work;
        let began = Instant::now();
        let in_progress = work.call(self.clock.now().since(claim.due_at));
        let entry = place.as_ref().map(|place| place.entry.clone()).unwrap_or_default();
        let noted = entry.clone();
        let departure = Departure::new(move || noted.writes());
        let called = worker.caller.call(timer, attempt, &worker.abort, &departure).await;
        drop(in_progress);
        if matches!(called.result, CallResult::Answered { .. }) {
            entry.answered(&called);
        }
        work.called(measure::kind_of(&called.result), began.elapsed());
        if let Some(mut receiver) = place.as_mut().and_then(|place| place.receiver.take()) {
            receiver.report(&called.result);
        }
        called
    }
}
