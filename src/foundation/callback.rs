//! A callback: a separate timer, due at once, that tells another receiver how a timer ended.
//!
//! So it is called, retried, signed and kept like any other timer. It has no callbacks itself, so no further one
//! follows.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use crate::foundation::rfc3339;
use crate::foundation::timer_json::{self, View};
use rules::domain::attempt::Delivery;
use rules::domain::retry::RetryPolicy;
use rules::domain::target::{Body, Method, Target, TargetUrl};
use rules::domain::time::Timestamp;
use rules::domain::timer::{Timer, TimerId};

/// The label of a callback that names the timer whose end it tells.
pub const CALLBACK_OF: &str = "callback_of";

/// The callback to `url` for the state that `timer` is in. It belongs to the signer of `timer`.
pub fn timer_of(timer: &Timer, url: &TargetUrl, retry: RetryPolicy, now: Timestamp) -> Timer {
    let id = id_of(timer);
    let target = Target {
        url: url.clone(),
        method: Method::Post,
        headers: [("content-type".to_owned(), "application/cloudevents+json".to_owned())].into(),
        body: Body::Json(event(timer, id).into()),
    };
    Timer {
        delivery: Delivery::AtLeastOnce,
        retry,
        created_by: timer.signer().map(str::to_owned),
        traceparent: timer.traceparent.clone(),
        metadata: Arc::new([(CALLBACK_OF.to_owned(), timer.id.to_string())].into()),
        ..Timer::waiting(id, now, now, target)
    }
}

/// The id of the callback. It is the same for the same end of the same timer, so the end is told once, however often that is tried.
fn id_of(timer: &Timer) -> TimerId {
    let end = format!("{}/{}", timer.state.name(), timer.attempts_started());
    Uuid::new_v5(&timer.id, end.as_bytes())
}

/// A CloudEvents 1.0 event in the JSON format's structured mode.
fn event(timer: &Timer, id: TimerId) -> String {
    let at = timer.state.ended_at().unwrap_or(timer.due_at);
    json!({
        "specversion": "1.0",
        "id": id,
        "source": format!("/timer/{}", timer.id),
        "type": format!("jettimer.timer.{}", timer.state.name()),
        "subject": timer.id,
        "time": rfc3339::format(at),
        "datacontenttype": "application/json",
        "data": timer_json::to_value(timer, at, View::Summary),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::domain::callbacks::Callbacks;
    use rules::domain::sample::a_timer;
    use rules::domain::timer::{DEFAULT_TIMEOUT, State};

    #[test]
    fn each_end_of_a_timer_has_one_callback_that_says_it_all() {
        let mut timer = a_timer(Delivery::AtMostOnce, 3);
        let at = timer.due_at;
        let url = TargetUrl::parse("https://example.com/ended").unwrap();
        timer.state = State::Failed { attempt: 2, at, reason: "the receiver answered 404".into() };
        let callback = timer_of(&timer, &url, RetryPolicy::default(), at);
        assert_eq!(callback.target.url, url);
        assert_eq!(callback.callbacks, Callbacks::default());
        let Body::Json(text) = &callback.target.body else { panic!("JSON") };
        let event: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(event["type"], "jettimer.timer.failed");
        assert_eq!(event["time"], rfc3339::format(at));
        assert_eq!(event["id"], callback.id.to_string());
        assert_eq!(event["data"]["reason"], "the receiver answered 404");
        let again = timer_of(&timer, &url, RetryPolicy::default(), at.saturating_add(DEFAULT_TIMEOUT));
        assert_eq!(again.id, callback.id);
        // After a replay, another callback tells of another end.
        timer.state = State::Failed { attempt: 3, at, reason: String::new() };
        assert_ne!(timer_of(&timer, &url, RetryPolicy::default(), at).id, callback.id);
    }
}
