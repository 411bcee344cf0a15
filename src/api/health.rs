//! `/healthz`: the process answers. `/readyz`: it can do its work.

use serde_json::json;
use warp::http::header::RETRY_AFTER;
use warp::http::{HeaderValue, StatusCode};

use super::Api;
use super::answer::{self, Answer};

pub(super) fn live() -> Answer {
    show(StatusCode::OK, "ok", None)
}

pub(super) async fn readiness(api: &Api) -> Answer {
    if api.stop.is_cancelled() {
        return show(StatusCode::SERVICE_UNAVAILABLE, "stopping", None);
    }
    let refusal = match api.link.check().await {
        // What a node has it works off all the same, by its own clock.
        Ok(()) => api.heartbeat.skew().refusal(api.max_clock_skew),
        Err(error) => Some(error.to_string()),
    };
    match refusal {
        None => show(StatusCode::OK, "ready", None),
        Some(reason) => show(StatusCode::SERVICE_UNAVAILABLE, "not_ready", Some(reason)),
    }
}

fn show(status: StatusCode, word: &str, reason: Option<String>) -> Answer {
    let mut body = json!({ "status": word, "version": env!("CARGO_PKG_VERSION") });
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    let mut answer = answer::json(status, &body);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}
