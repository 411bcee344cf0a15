//! The fields that only the whole view of a timer has: its policy, every attempt that is kept, and the data
//! sent, or digests of it for callers that may not see it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::log::{self, LoggedJson};
use crate::foundation::crypto::sha256_hex;
use crate::foundation::duration;
use rules::domain::target::{Body, TargetUrl};
use rules::domain::timer::Timer;

#[derive(Serialize)]
pub(super) struct Whole<'t> {
    retry: RetryJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_by: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<FlowJson<'t>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_delivered: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_failed: Option<&'t str>,
    attempt_log: Vec<LoggedJson<'t>>,
    /// Whether digests stand in place of headers' values and the body. A value may look like a digest, so no reader can
    /// tell by looking.
    redacted: bool,
    #[serde(skip_serializing_if = "Map::is_empty")]
    headers: Map<String, Value>,
    #[serde(flatten)]
    body: BodyJson<'t>,
}

#[derive(Serialize)]
struct RetryJson {
    max_attempts: u32,
    initial_backoff: String,
    max_backoff: String,
    factor: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<String>,
    statuses: Vec<String>,
}

#[derive(Serialize)]
struct FlowJson<'t> {
    key: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallelism: Option<u32>,
}

/// The timer's own body, in the field that it was created with.
#[derive(Serialize, Default)]
struct BodyJson<'t> {
    /// The JSON as the client wrote it, and as it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'t RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_text: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes: Option<usize>,
}

pub(super) fn of(timer: &Timer, bodies: bool) -> Whole<'_> {
    let retry = timer.retry;
    let shown = |value: &str| {
        if bodies { value.to_owned() } else { format!("sha256:{}", sha256_hex(value.as_bytes())) }
    };
    Whole {
        retry: RetryJson {
            max_attempts: retry.max_attempts,
            initial_backoff: duration::format(retry.initial_backoff),
            max_backoff: duration::format(retry.max_backoff),
            factor: retry.factor,
            deadline: retry.deadline.map(duration::format),
            statuses: retry.statuses.names(),
        },
        created_by: timer.created_by.as_deref(),
        set_by: timer.set_by.as_deref(),
        flow: timer.flow.as_ref().map(|flow| FlowJson {
            key: &flow.key,
            rate: flow.rate.map(|rate| rate.to_string()),
            parallelism: flow.parallelism,
        }),
        on_delivered: timer.callbacks.on_delivered.as_ref().map(TargetUrl::as_str),
        on_failed: timer.callbacks.on_failed.as_ref().map(TargetUrl::as_str),
        attempt_log: timer.attempts.iter().map(|attempt| log::of(attempt, bodies)).collect(),
        redacted: !bodies && (!timer.target.headers.is_empty() || timer.target.body != Body::Default),
        headers: timer
            .target
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), shown(value).into()))
            .collect(),
        body: if bodies { body(&timer.target.body) } else { digest(&timer.target.body) },
    }
}

fn body(body: &Body) -> BodyJson<'_> {
    match body {
        Body::Default => BodyJson::default(),
        Body::Json(text) => BodyJson { body: serde_json::from_str(text).ok(), ..BodyJson::default() },
        Body::Text(text) => BodyJson { body_text: Some(text), ..BodyJson::default() },
        Body::Bytes(bytes) => BodyJson { body_base64: Some(BASE64.encode(bytes)), ..BodyJson::default() },
    }
}

fn digest(body: &Body) -> BodyJson<'_> {
    let bytes = match body {
        Body::Default => return BodyJson::default(),
        Body::Json(text) | Body::Text(text) => text.as_bytes(),
        Body::Bytes(bytes) => bytes,
    };
    BodyJson { body_sha256: Some(sha256_hex(bytes)), body_bytes: Some(bytes.len()), ..BodyJson::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::domain::attempt::Delivery;
    use rules::domain::sample::a_timer;

    #[test]
    fn a_flag_tells_a_digest_from_a_value_that_looks_like_one() {
        let mut timer = a_timer(Delivery::AtMostOnce, 3);
        let shown = |timer: &Timer, bodies| serde_json::to_value(of(timer, bodies)).unwrap();
        assert_eq!(shown(&timer, false)["redacted"], false, "nothing is hidden");
        let digest = format!("sha256:{}", sha256_hex(b"an image"));
        timer.target.headers = [("x-image".into(), digest.clone())].into();
        let (open, hidden) = (shown(&timer, true), shown(&timer, false));
        assert_eq!((&open["redacted"], &open["headers"]["x-image"]), (&false.into(), &digest.clone().into()));
        assert_eq!(hidden["redacted"], true);
        assert_ne!(hidden["headers"]["x-image"], digest);
        timer.target.headers = [].into();
        timer.target.body = Body::Text(digest.into());
        assert_eq!(
            (&shown(&timer, true)["redacted"], &shown(&timer, false)["redacted"]),
            (&false.into(), &true.into())
        );
    }

    #[test]
    fn a_json_body_is_shown_as_it_was_written() {
        let written = "{\"b\": 1.0,\n \"a\": 1e2}";
        let shown = serde_json::to_string(&body(&Body::Json(written.into()))).unwrap();
        assert_eq!(shown, format!("{{\"body\":{written}}}"));
    }
}
