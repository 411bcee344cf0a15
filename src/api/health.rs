//! `/healthz`: the process answers. `/readyz`: it can do its work.

use serde_json::{Value, json};
use warp::http::header::RETRY_AFTER;
use warp::http::{HeaderValue, StatusCode};

use super::Api;
use super::answer::{self, Answer};
use crate::metrics::Label as _;

pub(super) fn live() -> Answer {
    show(StatusCode::OK, "ok", None, None)
}

pub(super) async fn readiness(api: &Api) -> Answer {
    if let Some(failure) = api.tasks.failure() {
        // Its name only: anybody may ask this, and what a panic says is for whoever reads the log.
        let reason = format!("the task {} has failed, and the node ends: see its log", failure.task.shown());
        return show(StatusCode::SERVICE_UNAVAILABLE, "stopping", Some(reason), None);
    }
    if api.stop.is_cancelled() {
        return show(StatusCode::SERVICE_UNAVAILABLE, "stopping", None, None);
    }
    let refusal = match api.link.check().await {
        // What a node has it works off all the same, by its own clock.
        Ok(()) => api.heartbeat.skew().refusal(api.max_clock_skew),
        Err(error) => Some(error.to_string()),
    };
    match refusal {
        None => show(StatusCode::OK, "ready", None, durability(api)),
        Some(reason) => show(StatusCode::SERVICE_UNAVAILABLE, "not_ready", Some(reason), durability(api)),
    }
}

/// What was found, without the names and versions of servers: anybody may ask this.
fn durability(api: &Api) -> Option<Value> {
    let found = api.durability.findings();
    let verdicts =
        found.iter().map(|finding| (finding.check.name().to_owned(), finding.verdict.name().into()));
    (!found.is_empty()).then(|| Value::Object(verdicts.collect()))
}

fn show(status: StatusCode, word: &str, reason: Option<String>, durability: Option<Value>) -> Answer {
    let mut body = json!({ "status": word, "version": env!("CARGO_PKG_VERSION") });
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    if let Some(durability) = durability {
        body["durability"] = durability;
    }
    let mut answer = answer::json(status, &body);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}
