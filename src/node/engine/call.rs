//! Makes a call: takes its place, measures it, and reports its result to the receiver's breakers.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::foundation::metrics::{Busy, Late};
use crate::node::engine::claims::Claiming;
use crate::node::engine::{Engine, Worker, measure, memory};
use crate::node::journal::Entry;
use crate::node::places::{Callee, Taken};
use crate::node::receivers::{Admission, Place};
use crate::webhook::Departure;
use rules::domain::attempt::CallResult;
use rules::domain::called::Called;
use rules::domain::flow::Flow;
use rules::domain::target::TargetUrl;
use rules::domain::time::Timestamp;
use rules::domain::timer::{Claim, Timer, TimerId};
use rules::receivers::{CallRequest, LONG, Postponed};
use rules::room::size;

/// The right to claim a timer and call now, from the receiver and from this node. It is given back once the outcome is
/// stored, so that no more claims than places are open when a node is killed.
pub(super) struct CallPlace {
    /// The URL and the flow that it was asked for.
    url: TargetUrl,
    flow: Option<Flow>,
    receiver: Place,
    node: Taken,
    entry: Entry,
    claiming: Option<Claiming>,
    _open: Busy,
}

/// The facts about a timer that are needed to get a place for its call.
pub(super) struct Wanted {
    call: CallRequest,
    pub(super) timer: TimerId,
    pub(super) url: TargetUrl,
    /// When it is given up, if it has a deadline.
    pub(super) deadline: Option<Timestamp>,
    bytes: usize,
}

impl Wanted {
    pub(super) fn of(timer: &Timer, now: Timestamp) -> Self {
        Self {
            call: CallRequest::of(timer, now),
            timer: timer.id,
            url: timer.target.url.clone(),
            deadline: timer.retry.deadline.map(|span| timer.retried_since().saturating_add(span)),
            bytes: memory::bytes_of(timer),
        }
    }
}

impl CallPlace {
    /// Whether this timer may be called from here: a client may have changed its receiver since, or its size.
    pub(super) fn is_for(&self, timer: &Timer) -> bool {
        self.url == timer.target.url
            && self.flow == timer.flow
            && self.node.are_enough_for(memory::bytes_of(timer))
    }

    /// The same place, with an entry of the journal for the call.
    pub(super) fn noted(self, entry: Entry) -> Self {
        Self { entry, ..self }
    }

    /// Ends the entry of the journal: the outcome is stored, or this place is given up and the claim goes on without it.
    pub(super) fn ends(&self) {
        self.entry.ends();
    }

    /// Notes that NATS has answered to the claim, or that the tries to store it are over.
    pub(super) fn claimed(&mut self) {
        if let Some(claiming) = self.claiming.take() {
            claiming.answered();
        }
    }
}

impl Engine {
    /// Waits for a place at the receiver and then for one of this node's, or says after which time to come back.
    pub(super) async fn admitted(&self, worker: &Worker, wanted: &Wanted) -> Result<CallPlace, Duration> {
        match worker.receivers.admit(&wanted.call).await {
            Admission::Postpone(wait, why) => {
                self.metrics.work.postponed.count(measure::why(why));
                Err(wait)
            }
            Admission::Enter(receiver) => {
                let Wanted { call, url, bytes, .. } = wanted;
                let (host, port) = (url.host_name(), url.port());
                let callee = Callee { host: &host, port, flow: call.flow_key(), bytes: *bytes };
                let Some(node) = worker.calls.enter(callee).await else {
                    self.metrics.work.postponed.count(measure::why(Postponed::Node));
                    return Err(receiver.come_back());
                };
                let claiming = Some(worker.claims.enter().await);
                let work = &self.metrics.work;
                work.limit_storing(worker.claims.limit());
                let entry = Entry::default();
                let (url, flow) = (url.clone(), call.flow.clone());
                Ok(CallPlace { url, flow, receiver, node, entry, claiming, _open: work.claim() })
            }
        }
    }

    /// Makes the call and measures it.
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
        let late = self.clock.now().since(claim.due_at);
        let by_receiver = |place: &CallPlace| place.receiver.is_late_for_its_receiver(timer, late);
        let cause = if place.as_ref().is_some_and(by_receiver) { Late::Receiver } else { Late::Other };
        let in_progress = work.call(late, cause);
        let entry = place.as_ref().map(|place| place.entry.clone()).unwrap_or_default();
        let noted = entry.clone();
        let departure = Departure::new(move || noted.writes());
        let called = {
            let mut calling = pin!(worker.caller.call(timer, attempt, &worker.abort, &departure));
            match tokio::time::timeout(LONG, &mut calling).await {
                Ok(called) => called,
                Err(_) => {
                    for place in place.iter_mut() {
                        place.receiver.takes_long();
                        place.node.takes_long();
                    }
                    calling.await
                }
            }
        };
        drop(in_progress);
        let was_answered = matches!(called.result, CallResult::Answered { .. });
        if was_answered {
            entry.answered(&called);
        }
        place.iter_mut().for_each(|place| place.node.made(was_answered));
        work.called(measure::kind_of(&called.result), began.elapsed());
        if let Some(place) = place {
            let its_own = departure.has_left() || worker.caller.was_cut_short(timer, &called);
            // If this node lacked the means to connect, that says nothing about the receiver.
            if !departure.is_held_here() {
                place.receiver.report(&called.result, &called.phases, its_own);
            }
        }
        // An answer may be ten times as large as its timer. It is kept if there is room for it beyond the reserve.
        let is_kept =
            called.answer.as_ref().is_none_or(|answer| self.room.has_room_for(size::of_answer(answer)));
        if is_kept { called } else { Called { answer: None, ..called } }
    }
}
