//! Makes a call: takes its place, measures it, and reports its result to the receiver's breakers.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::foundation::metrics::{Busy, Late};
use crate::node::engine::claims::Claiming;
use crate::node::engine::lookup::NoPlace;
use crate::node::engine::{Engine, Worker, measure, memory};
use crate::node::journal::Entry;
use crate::node::places::{Callee, Taken};
use crate::node::receivers::{Admission, Place};
use crate::webhook::{Departure, Unfound};
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
    /// The failure of the call, if the receiver's name has no address.
    unfound: Option<Unfound>,
    // The fields are dropped in this order. The slot of the journal goes back first: there are as many slots as places of this node, and
    // the call that gets this place notes its claim at once, or not at all. The receiver's place goes back before the node's, so that a
    // waiting call of the same receiver may have both.
    entry: Entry,
    receiver: Place,
    node: Taken,
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
    timeout: Duration,
    bytes: usize,
}

impl Wanted {
    pub(super) fn of(timer: &Timer, now: Timestamp) -> Self {
        Self {
            call: CallRequest::of(timer, now),
            timer: timer.id,
            url: timer.target.url.clone(),
            deadline: timer.retry.deadline.map(|span| timer.retried_since().saturating_add(span)),
            timeout: timer.timeout,
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
    /// Waits for a place at the receiver, for its address, and then for a place of this node, or says after which time to come back.
    pub(super) async fn admitted(&self, worker: &Worker, wanted: &Wanted) -> Result<CallPlace, Duration> {
        match worker.receivers.admit(&wanted.call).await {
            Admission::Postpone(wait, why) => {
                self.metrics.work.postponed.count(measure::why(why));
                Err(wait)
            }
            Admission::Enter(mut receiver) => {
                let Wanted { call, url, timeout, bytes, .. } = wanted;
                let (host, port) = (url.host_name(), url.port());
                let callee = Callee { host: &host, port, flow: call.flow_key(), bytes: *bytes };
                let mut unfound = None;
                if worker.caller.begins_with_lookup(url) {
                    match Box::pin(worker.look_up(url, *timeout, callee)).await {
                        Ok(failure) => unfound = failure,
                        Err(NoPlace) => return Err(self.has_no_place(receiver)),
                    }
                    receiver.looked_up();
                }
                let Some(node) = worker.calls.enter(callee).await else {
                    return Err(self.has_no_place(receiver));
                };
                let claiming = Some(worker.claims.enter().await);
                let work = &self.metrics.work;
                work.limit_storing(worker.claims.limit());
                let entry = Entry::default();
                let (url, flow) = (url.clone(), call.flow.clone());
                Ok(CallPlace { url, flow, entry, receiver, node, unfound, claiming, _open: work.claim() })
            }
        }
    }

    /// When a timer comes back for which this node has no place.
    fn has_no_place(&self, receiver: Place) -> Duration {
        self.metrics.work.postponed.count(measure::why(Postponed::Node));
        receiver.come_back()
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
        let unfound = place.as_mut().and_then(|place| place.unfound.take());
        let still =
            |unfound: &Unfound| unfound.is_recent() && worker.caller.begins_with_lookup(&timer.target.url);
        let called = match unfound.filter(still) {
            // It would look up the name once more.
            Some(unfound) => unfound.called(),
            None => {
                let called = made(worker, timer, attempt, &departure, place).await;
                let was_answered = matches!(called.result, CallResult::Answered { .. });
                place.iter_mut().for_each(|place| place.node.made(was_answered));
                called
            }
        };
        drop(in_progress);
        if matches!(called.result, CallResult::Answered { .. }) {
            entry.answered(&called);
        }
        // A name was looked up before the call began.
        work.called(measure::kind_of(&called.result), began.elapsed().max(called.phases.total));
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

/// Makes the call. Notes with its places if it takes long.
async fn made(
    worker: &Worker,
    timer: &Timer,
    attempt: u32,
    departure: &Departure,
    place: &mut Option<CallPlace>,
) -> Called {
    let mut calling = pin!(worker.caller.call(timer, attempt, &worker.abort, departure));
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
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Wake, Waker};

    use uuid::Uuid;

    use super::*;
    use crate::foundation::clock::Clock;
    use crate::foundation::metrics::{Metrics, Parts};
    use crate::node::journal::{Journal, Settings};
    use crate::node::places::Places;
    use crate::node::receivers::Receivers;
    use rules::domain::attempt::Delivery;
    use rules::domain::sample::a_timer;
    use rules::receivers::Rules;

    const FIRST: Uuid = Uuid::from_u128(1);
    const SECOND: Uuid = Uuid::from_u128(2);

    /// A call that waits for a place, and notes its claim as soon as it has one.
    struct Second(Journal);

    impl Wake for Second {
        fn wake(self: Arc<Self>) {
            drop(self.0.claims(SECOND, SECOND));
        }
    }

    #[tokio::test]
    async fn a_call_that_gets_the_place_of_another_one_is_in_the_journal() {
        let dir = tempfile::tempdir().unwrap();
        let metrics = Arc::new(Metrics::new("1", Parts { works: true, ..Parts::default() }));
        let open = || {
            let (dir, metrics) = (dir.path(), metrics.clone());
            Journal::open(Settings { dir, calls: 1, clock: Clock::OF_THE_WORLD, metrics }).unwrap()
        };
        {
            let (journal, _) = open();
            let timer = a_timer(Delivery::AtMostOnce, 3);
            let receivers = Receivers::new(Rules { parallelism: 1, breaker_failures: 0, limits: vec![] });
            let Admission::Enter(receiver) = receivers.admit(&CallRequest::of(&timer, timer.due_at)).await
            else {
                panic!("no place of the receiver")
            };
            let places = Places::new(1);
            let callee = Callee { host: "localhost", port: 80, flow: None, bytes: 0 };
            let place = CallPlace {
                url: timer.target.url.clone(),
                flow: None,
                entry: journal.claims(FIRST, FIRST),
                receiver,
                node: places.enter(callee).await.unwrap(),
                unfound: None,
                claiming: None,
                _open: metrics.work.claim(),
            };
            let mut second = pin!(places.enter(callee));
            let waker = Waker::from(Arc::new(Second(journal)));
            assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            drop(place);
        }
        let claims: Vec<Uuid> =
            open().1.iter().flat_map(|left| &left.entries).map(|entry| entry.claim).collect();
        assert_eq!(claims, [SECOND]);
    }
}
