//! An event: one version of one record, and the change that it stands for.

use std::sync::Arc;

use super::feed::Position;
use crate::nats::api::header::KV_OPERATION;
use crate::nats::names::recorded_timer;
use crate::nats::requests::tail::Seen;
use crate::nats::timers::{record, versions};
use rules::domain::callbacks::Callbacks;
use rules::domain::state_kind::StateKind;
use rules::domain::target::Body;
use rules::domain::timer::Timer;

#[derive(Debug)]
pub struct Event {
    /// Its position in the feed.
    pub position: Position,
    /// `created`, `changed` (also for a retry), or the name of the timer's new state.
    pub kind: &'static str,
    /// The timer after the event, without the large parts that no reader of the feed gets: headers, body, callbacks, and the
    /// answers of receivers.
    pub timer: Box<Timer>,
}

impl Event {
    /// The event in a message of the bucket; `None` if the message is not a version of a timer, or cannot be read.
    pub(in crate::nats) fn of(seen: &Seen) -> Option<Self> {
        if recorded_timer(&seen.subject).is_none() || seen.header(KV_OPERATION).is_some() {
            return None;
        }
        let timer = without_large_parts(record::from_json(&seen.payload).ok()?);
        let position = Position::at(seen.sequence, seen.stored_at);
        Some(Self { position, kind: kind(seen, &timer), timer: Box::new(timer) })
    }
}

fn without_large_parts(mut timer: Timer) -> Timer {
    timer.target.headers = [].into();
    timer.target.body = Body::Default;
    timer.callbacks = Callbacks::default();
    for attempt in &mut timer.attempts {
        Arc::make_mut(&mut attempt.called).answer = None;
    }
    timer
}

fn kind(seen: &Seen, timer: &Timer) -> &'static str {
    if timer.state.kind() != StateKind::Scheduled {
        return timer.state.name();
    }
    if versions::past_of(seen).is_none() { "created" } else { "changed" }
}
