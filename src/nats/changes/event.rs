//! An event: one version of one record, and the change that it stands for.

use std::sync::Arc;

use crate::nats::api::header::{KV_OPERATION, NATS_LAST_SEQUENCE};
use crate::nats::names::evented_timer;
use crate::nats::requests::tail::Seen;
use crate::nats::timers::record;
use rules::domain::callbacks::Callbacks;
use rules::domain::state_kind::StateKind;
use rules::domain::target::Body;
use rules::domain::timer::Timer;
use rules::index::Size;

#[derive(Debug)]
pub struct Event {
    /// Its sequence in the feed.
    pub sequence: u64,
    /// `created`, `changed` (also for a retry), or the name of the timer's new state.
    pub kind: &'static str,
    /// The timer after the event, without the large parts that no reader of the feed gets: headers, body, callbacks, and the
    /// answers of receivers.
    pub timer: Box<Timer>,
}

impl Event {
    /// The event in a message of the stream; `None` if the message is not a version of a timer, or cannot be read.
    pub(in crate::nats) fn of(seen: &Seen) -> Option<Self> {
        if evented_timer(&seen.subject).is_none() || seen.header(KV_OPERATION).is_some() {
            return None;
        }
        let timer = without_large_parts(record::from_json(&seen.payload).ok()?);
        Some(Self { sequence: seen.sequence, kind: kind(seen, &timer), timer: Box::new(timer) })
    }

    /// Bytes that it takes in memory, roughly.
    pub(in crate::nats) fn bytes(&self) -> usize {
        Size::of(&self.timer).record
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
    // The server names the revision that was there before: 0 for a new timer.
    if seen.header(NATS_LAST_SEQUENCE) == Some("0") { "created" } else { "changed" }
}
