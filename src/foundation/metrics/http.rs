//! Metrics of requests to this node: how many, how long, how many at once, and refusals.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::label::{Counters, label};
use super::register::{Register, set};
use super::{Busy, names};

/// In seconds. A creation takes about a millisecond, and no longer than `--request-timeout`, 10 s by default.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

label! {
    /// Why the node refused a request.
    Refused = "reason" {
        /// The request has no token.
        NoToken = "no_token",
        /// The credentials are not a bearer token.
        Malformed = "malformed",
        /// The node does not know the token.
        UnknownToken = "unknown_token",
        /// The token does not have the scope.
        Scope = "scope",
        /// The token's rate is used up.
        Rate = "rate",
        /// Requests and answers use all of the memory that they may.
        Memory = "memory",
    }
}

label! {
    /// Why the node closed a connection that its client had not ended.
    Closed = "reason" {
        /// The connection was idle, and another one needed its place.
        Resting = "resting",
        /// The client's address had as many connections as it may.
        Address = "address",
    }
}

type OfOperation = [(&'static str, &'static str); 1];
type OfAnswer = [(&'static str, &'static str); 2];
type Durations = Family<OfOperation, Histogram, fn() -> Histogram>;

#[derive(Debug)]
pub struct Http {
    requests: Family<OfAnswer, Counter>,
    durations: Durations,
    in_progress: Gauge,
    connections: Gauge,
    connections_limit: Gauge,
    /// Connections that the node closed to make room for others.
    pub closed: Counters<Closed>,
    memory: Gauge,
    pub refused: Counters<Refused>,
}

impl Http {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        let requests = Family::default();
        register.counters(&names::HTTP_REQUESTS, requests.clone());
        let durations = Durations::new_with_constructor(|| Histogram::new(BUCKETS));
        register.add(&names::HTTP_DURATION, durations.clone());
        Self {
            requests,
            durations,
            in_progress: register.gauge(&names::HTTP_IN_PROGRESS),
            connections: register.gauge(&names::HTTP_CONNECTIONS),
            connections_limit: register.gauge(&names::HTTP_CONNECTIONS_LIMIT),
            closed: Counters::new(register, &names::HTTP_CLOSED),
            memory: register.gauge(&names::HTTP_MEMORY),
            refused: Counters::new(register, &names::HTTP_REFUSED),
        }
    }

    /// A request is being answered for as long as the returned value lives.
    pub fn request(&self) -> Busy {
        Busy::new(&self.in_progress)
    }

    /// A request for `operation` ended after `took`: answered with `status`, or, without a status, given up by its
    /// client before. The operations are those of the API, so there are few.
    pub fn ended(&self, operation: &'static str, status: Option<u16>, took: Duration) {
        let class = match status.map(|status| status / 100) {
            None => "gone",
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(_) => "5xx",
        };
        self.requests.get_or_create(&[("operation", operation), ("status", class)]).inc();
        self.durations.get_or_create(&[("operation", operation)]).observe(took.as_secs_f64());
    }

    /// A connection is open for as long as the returned value lives.
    pub fn connection(&self) -> Busy {
        Busy::new(&self.connections)
    }

    /// Requests and answers take this many more bytes of their budget.
    pub fn takes_memory(&self, bytes: usize) {
        self.memory.inc_by(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Requests and answers give this many bytes of their budget back.
    pub fn gives_memory_back(&self, bytes: usize) {
        self.memory.dec_by(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub fn limit_connections(&self, limit: usize) {
        set(&self.connections_limit, limit);
    }
}
