//! What is sent: method, headers and body of the call that a timer makes.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::sign::{Call, Secrets};
use crate::domain::target::{Body, Method};
use crate::domain::time::Timestamp;
use crate::domain::timer::Timer;
use crate::rfc3339;

pub(super) fn method(timer: &Timer) -> reqwest::Method {
    match timer.target.method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// Headers and body of this attempt, made at `now` by the world's clock, which is the one that receivers have.
pub(super) fn parts(
    timer: &Timer,
    attempt: u32,
    secrets: &Secrets,
    now: Timestamp,
) -> (HeaderMap, Option<Vec<u8>>) {
    let mut headers = own_headers(timer);
    let id = timer.id.to_string();
    let timestamp = now.as_micros() / 1_000_000;
    let body = content(timer, &id);
    let signature = secrets.signature(&Call {
        id: &id,
        timestamp,
        body: body.as_ref().map_or(&[], |(_, body)| body),
        authority: &timer.target.url.authority(),
        created_by: timer.created_by.as_deref(),
    });
    let texts = [
        ("webhook-id", Some(id.clone())),
        ("webhook-timestamp", Some(timestamp.to_string())),
        ("webhook-signature", signature),
        ("idempotency-key", Some(id)),
        ("jettimer-attempt", Some(attempt.to_string())),
        ("jettimer-due-at", Some(rfc3339::format(timer.due_at))),
    ];
    for (name, text) in texts {
        if let Some(Ok(value)) = text.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    if let Ok(trace) = HeaderValue::try_from(traceparent(timer.id, attempt)) {
        headers.entry("traceparent").or_insert(trace);
    }
    if let Some((content_type, _)) = &body {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
    }
    (headers, body.map(|(_, body)| body))
}

/// A trace (W3C Trace Context) for each timer, and a span in it for each attempt, unless the timer's own headers name
/// one.
fn traceparent(timer: Uuid, attempt: u32) -> String {
    let (_, span) = Uuid::new_v5(&timer, &attempt.to_be_bytes()).as_u64_pair();
    format!("00-{}-{span:016x}-01", timer.simple())
}

fn own_headers(timer: &Timer) -> HeaderMap {
    timer
        .target
        .headers
        .iter()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        })
        .collect()
}

/// The body and the type it has unless the timer's own headers say otherwise.
fn content(timer: &Timer, id: &str) -> Option<(&'static str, Vec<u8>)> {
    const JSON: &str = "application/json";
    match &timer.target.body {
        Body::Default => match timer.target.method {
            Method::Get | Method::Head | Method::Delete => None,
            Method::Post | Method::Put | Method::Patch => {
                Some((JSON, format!("{{\"id\": \"{id}\"}}").into_bytes()))
            }
        },
        Body::Json(json) => Some((JSON, json.clone().into_bytes())),
        Body::Text(text) => Some(("text/plain; charset=utf-8", text.clone().into_bytes())),
        Body::Bytes(bytes) => Some(("application/octet-stream", bytes.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::Delivery;
    use crate::domain::machine_properties::a_timer;

    #[test]
    fn an_attempt_says_which_one_it_is_and_when_it_was_due() {
        let timer = a_timer(Delivery::AtMostOnce, 3);
        let now = Timestamp::from_micros(1_600_000_000_999_999);
        let (headers, body) = parts(&timer, 2, &Secrets::default(), now);
        assert_eq!(body.as_deref(), Some(format!("{{\"id\": \"{}\"}}", timer.id).as_bytes()));
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["webhook-id"], headers["idempotency-key"]);
        assert_eq!(headers["webhook-timestamp"], "1600000000");
        assert_eq!(headers["jettimer-attempt"], "2");
        assert_eq!(headers["jettimer-due-at"], rfc3339::format(timer.due_at));
        assert!(!headers.contains_key("webhook-signature"));
        let trace = headers["traceparent"].to_str().unwrap();
        assert_eq!((trace.len(), &trace[..36]), (55, &*format!("00-{}-", timer.id.simple())));
        assert_ne!(parts(&timer, 3, &Secrets::default(), now).0["traceparent"], trace);
    }

    #[test]
    fn a_trace_of_the_timers_own_goes_on() {
        let mut timer = a_timer(Delivery::AtMostOnce, 3);
        timer.target.headers = vec![("traceparent".into(), "00-1-2-01".into())];
        let (headers, _) = parts(&timer, 1, &Secrets::default(), timer.due_at);
        assert_eq!(headers["traceparent"], "00-1-2-01");
    }
}
