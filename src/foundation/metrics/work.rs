//! Metrics of calls and the steps that lead to them: wakes, claims, attempts, and lateness.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::label::{Counters, Label as _, label};
use super::register::{Register, set};
use super::{Busy, names};

/// In seconds. Fine in the range of a healthy node, 1 to 25 ms; then wider, up to the lateness after a killed worker (5 to 20 s)
/// and after an outage.
const LATENESS: [f64; 21] = [
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0, 300.0,
];

/// In seconds, up to the longest timeout of a timer, 10 min.
const DURATION: [f64; 15] =
    [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0];

label! {
    /// The state of a timer after an attempt.
    Outcome = "outcome" {
        Delivered = "delivered",
        /// Scheduled again, for another attempt.
        Retried = "retried",
        Failed = "failed",
        /// It is not known whether the receiver was called.
        Unknown = "unknown",
    }
}

label! {
    /// The result of a call.
    Call = "result" {
        /// An interim answer taken for the final one; no receiver should send that.
        Informed = "1xx",
        Success = "2xx",
        /// A redirect, which is not followed.
        Redirect = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
        /// Nothing reached the receiver.
        NotSent = "not_sent",
        /// The address must not be called, so the call was not made.
        Forbidden = "forbidden",
        /// The request was sent, or may have been, and no answer came.
        NoAnswer = "no_answer",
        /// The node had to stop.
        Interrupted = "interrupted",
    }
}

label! {
    /// Why a call was postponed.
    Postponed = "reason" {
        /// The receiver, or the path that is called, has failed too often in a row, so its circuit breaker is open.
        Breaker = "breaker",
        /// The receiver has asked for a pause.
        RetryAfter = "retry_after",
        /// The breaker or the pause is over, and calls begin again a few at a time.
        Recovery = "recovery",
        /// The receiver has all the calls that it may have.
        Receiver = "receiver",
        /// The timer's flow has all the calls that it may have.
        Flow = "flow",
        /// This node has no place for the call, or the receiver has its share of the places.
        Node = "node",
    }
}

label! {
    /// Why a call begins late.
    Late = "cause" {
        /// The receiver or the timer's flow had no room.
        Receiver = "receiver",
        /// Any other cause: this node, NATS, or a node that died.
        Other = "other",
    }
}

label! {
    /// The result of attending to a wake.
    Wake = "result" {
        /// The wake is settled: it is no longer needed.
        Settled = "settled",
        /// The wake comes again later: another worker is at work, the record is not there yet, or the node stops.
        GivenBack = "given_back",
        /// The wake comes again, since the timer could not be read or not be stored.
        Trouble = "trouble",
    }
}

label! {
    /// When another swap came first.
    LostClaim = "when" {
        /// Before the call: another worker, a cancel or a change was faster. Harmless.
        BeforeCall = "before_call",
        /// After the call: this node took so long that it was taken for dead.
        AfterCall = "after_call",
    }
}

#[derive(Debug)]
pub struct Work {
    pub attempts: Counters<Outcome>,
    lateness: [Histogram; 2],
    pub calls: Counters<Call>,
    durations: Histogram,
    pub postponed: Counters<Postponed>,
    calls_in_progress: Gauge,
    calls_limit: Gauge,
    claims_open: Gauge,
    claims_storing_limit: Gauge,
    pub wakes: Counters<Wake>,
    wakes_held: Gauge,
    wakes_limit: Gauge,
    wakes_in_line: Gauge,
    /// Records that were dropped while their timers waited.
    pub records_dropped: Counter,
    /// Wakes that were given back for nodes with other target rules.
    pub left_to_others: Counter,
    pub pull_failures: Counter,
    /// Swaps that another worker or client won.
    pub claims_lost: Counters<LostClaim>,
    /// Claims of other nodes whose leases had ended.
    pub claims_taken_over: Counter,
}

impl Work {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        Self {
            attempts: Counters::new(register, &names::ATTEMPTS),
            lateness: register.histograms(
                &names::LATENESS,
                &LATENESS,
                Late::NAME,
                [Late::Receiver.shown(), Late::Other.shown()],
            ),
            calls: Counters::new(register, &names::CALLS),
            durations: register.histogram(&names::CALL_DURATION, &DURATION),
            postponed: Counters::new(register, &names::POSTPONED),
            calls_in_progress: register.gauge(&names::CALLS_IN_PROGRESS),
            calls_limit: register.gauge(&names::CALLS_LIMIT),
            claims_open: register.gauge(&names::CLAIMS_OPEN),
            claims_storing_limit: register.gauge(&names::CLAIMS_STORING_LIMIT),
            wakes: Counters::new(register, &names::WAKES),
            wakes_held: register.gauge(&names::WAKES_HELD),
            wakes_limit: register.gauge(&names::WAKES_LIMIT),
            wakes_in_line: register.gauge(&names::WAKES_IN_LINE),
            records_dropped: register.counter(&names::RECORDS_DROPPED),
            left_to_others: register.counter(&names::LEFT_TO_OTHERS),
            pull_failures: register.counter(&names::PULL_FAILURES),
            claims_lost: Counters::new(register, &names::CLAIMS_LOST),
            claims_taken_over: register.counter(&names::CLAIMS_TAKEN_OVER),
        }
    }

    /// Shows the most calls and the most wakes at once.
    pub fn limit(&self, calls: usize, wakes: usize) {
        set(&self.calls_limit, calls);
        set(&self.wakes_limit, wakes);
    }

    /// A wake waits for a worker's attention for as long as the returned value lives.
    pub fn wake_in_line(&self) -> Busy {
        Busy::new(&self.wakes_in_line)
    }

    /// A worker attends to a wake for as long as the returned value lives.
    pub fn wake(&self) -> Busy {
        Busy::new(&self.wakes_held)
    }

    /// A timer is claimed, and its outcome is not yet stored, for as long as the returned value lives.
    pub fn claim(&self) -> Busy {
        Busy::new(&self.claims_open)
    }

    /// Shows how many claims may be stored at once at present.
    pub fn limit_storing(&self, claims: usize) {
        set(&self.claims_storing_limit, claims);
    }

    /// A call begins with this lateness for this cause, and is in progress for as long as the returned value lives.
    pub fn call(&self, late: Duration, cause: Late) -> Busy {
        let [receiver, other] = &self.lateness;
        let lateness = match cause {
            Late::Receiver => receiver,
            Late::Other => other,
        };
        lateness.observe(late.as_secs_f64());
        Busy::new(&self.calls_in_progress)
    }

    pub fn called(&self, result: Call, took: Duration) {
        self.calls.count(result);
        self.durations.observe(took.as_secs_f64());
    }
}
