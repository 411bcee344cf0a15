//! Counts requests by operation, outcome and duration; and what clients want of timers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use warp::http::StatusCode;

use super::operation::Operation;
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

    /// Notes the operation, once it is known.
    pub(super) fn asks_for(&mut self, operation: Operation) {
        self.operation = name(operation);
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

/// The write that an operation makes to one timer, if it makes one.
pub(super) fn write_of(operation: Operation) -> Option<Write> {
    match operation {
        Operation::CreateTimer => Some(Write::Create),
        Operation::ChangeTimer => Some(Write::Change),
        Operation::CancelTimer => Some(Write::Cancel),
        Operation::FireTimer => Some(Write::Fire),
        Operation::ReplayTimer => Some(Write::Replay),
        // Each of many timers is counted separately.
        Operation::CreateTimers | Operation::CancelTimers | Operation::ReplayTimers => None,
        Operation::GetTimer
        | Operation::ListTimers
        | Operation::CountTimers
        | Operation::FollowTimers
        | Operation::ListReceivers
        | Operation::ListNodes
        | Operation::Stats
        | Operation::ShowInbox
        | Operation::EmptyInbox
        | Operation::Health
        | Operation::Readiness
        | Operation::Metrics
        | Operation::Document
        | Operation::Docs
        | Operation::Page
        | Operation::PageFile => None,
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

fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::CreateTimer => "create_timer",
        Operation::GetTimer => "get_timer",
        Operation::ChangeTimer => "change_timer",
        Operation::CancelTimer => "cancel_timer",
        Operation::FireTimer => "fire_timer",
        Operation::ReplayTimer => "replay_timer",
        Operation::CreateTimers => "create_timers",
        Operation::ListTimers => "list_timers",
        Operation::CountTimers => "count_timers",
        Operation::CancelTimers => "cancel_timers",
        Operation::ReplayTimers => "replay_timers",
        Operation::FollowTimers => "follow_timers",
        Operation::ListReceivers => "list_receivers",
        Operation::ListNodes => "list_nodes",
        Operation::Stats => "show_stats",
        Operation::ShowInbox => "show_inbox",
        Operation::EmptyInbox => "empty_inbox",
        Operation::Health => "health",
        Operation::Readiness => "readiness",
        Operation::Metrics => "metrics",
        Operation::Document => "document",
        Operation::Docs => "docs",
        Operation::Page => "page",
        Operation::PageFile => "page_file",
    }
}
