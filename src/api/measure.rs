//! Counts requests by operation, outcome and duration; and what clients want of timers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use warp::http::StatusCode;

use crate::api::access::Denied;
use crate::foundation::metrics::{Busy, Metrics, Refused, Write, Written};

/// The operation of a request for an unknown path or method; also of a preflight.
const OTHER: &str = "other";

/// A request that is being answered. It is counted when this is dropped, whether it was answered or the client left.
pub(super) struct Measured {
    metrics: Arc<Metrics>,
    began: Instant,
    operation: &'static str,
    status: Option<u16>,
    _busy: Busy,
}

impl Measured {
    pub(super) fn begin(metrics: &Arc<Metrics>) -> Self {
        let busy = metrics.http.request();
        Self { metrics: metrics.clone(), began: Instant::now(), operation: OTHER, status: None, _busy: busy }
    }

    /// Notes the name of the operation, once it is known.
    pub(super) fn asks_for(&mut self, operation: &'static str) {
        self.operation = operation;
    }

    /// Notes the status of the answer.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status.as_u16());
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.metrics.http.ended(self.operation, self.status, self.began.elapsed());
    }
}

/// Counts a request whose head could not be read.
pub(super) fn unread(metrics: &Metrics, status: StatusCode) {
    metrics.http.ended(OTHER, Some(status.as_u16()), Duration::ZERO);
}

/// The reason for which a client was not let in, as it is counted.
pub(super) fn refused(denied: Denied) -> Refused {
    match denied {
        Denied::Missing => Refused::NoToken,
        Denied::Malformed => Refused::Malformed,
        Denied::Unknown => Refused::UnknownToken,
    }
}

/// The outcome of a write to a timer, by the status of the answer.
pub(super) fn written(write: Write, status: StatusCode) -> Written {
    if write == Write::Create && status == StatusCode::OK {
        Written::Repeated
    } else if status.is_client_error() {
        Written::Refused
    } else if status.is_server_error() {
        Written::Failed
    } else {
        Written::Done
    }
}
