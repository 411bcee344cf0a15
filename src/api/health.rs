//! `/healthz`: the process answers. `/readyz`: it can do its work. They may have a listener of their own, whose connections no other client
//! can take.

use serde_json::{Value, json};
use warp::http::header::RETRY_AFTER;
use warp::http::{HeaderValue, Method, StatusCode};

use super::answer::{self, Answer};
use super::head::{self, REQUEST_ID};
use super::parts::Api;
use super::problem::Problem;
use super::request::Request;
use crate::foundation::metrics::Label as _;
use crate::nats::check_readiness;
use rules::room::State;

pub(super) fn live() -> Answer {
    show(StatusCode::OK, "ok", None, Found::default())
}

/// The answer of a listener for health checks only.
pub(super) async fn only(api: &Api, request: Request) -> Answer {
    let id = head::request_id(&request.headers);
    let reads = [Method::GET, Method::HEAD].contains(&request.method);
    let mut answer = match (head::check(&request.headers), request.path.as_str()) {
        (Err(problem), _) => problem.answer(&id),
        (Ok(()), "/healthz") if reads => live(),
        (Ok(()), "/readyz") if reads => readiness(api).await,
        (Ok(()), "/healthz" | "/readyz") => Problem::method_not_allowed("GET, HEAD").answer(&id),
        (Ok(()), path) => Problem::no_such_path(path).answer(&id),
    };
    if let Ok(id) = HeaderValue::from_str(&id) {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    answer
}

pub(super) async fn readiness(api: &Api) -> Answer {
    if let Some(failure) = api.tasks.failure() {
        // The task's name only: any client may ask this, and the text of a panic is for readers of the log.
        let reason = format!("the task {} failed, so the node stops: see its log", failure.task.shown());
        return show(StatusCode::SERVICE_UNAVAILABLE, "stopping", Some(reason), Found::default());
    }
    if api.stop.is_cancelled() {
        return show(StatusCode::SERVICE_UNAVAILABLE, "stopping", None, Found::default());
    }
    let refusal = match Box::pin(check_readiness(&api.link, api.works)).await {
        // A node with a wrong clock is not ready, but works off the wakes that it has, unless its clock differs from most clocks, too.
        Ok(()) => api.heartbeat.skew().refusal(api.max_clock_skew),
        Err(error) => Some(error.to_string()),
    };
    let (status, word) = match &refusal {
        None => (StatusCode::OK, "ready"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    // A node without room for new timers is ready: it reads, cancels and calls.
    let found = Found { durability: durability(api), storage: Some(api.room.state()) };
    show(status, word, refusal, found)
}

/// The node's findings about NATS.
#[derive(Default)]
struct Found {
    durability: Option<Value>,
    storage: Option<State>,
}

/// The findings without the names and versions of servers, since any client may ask for them.
fn durability(api: &Api) -> Option<Value> {
    let found = api.durability.findings();
    let verdicts =
        found.iter().map(|finding| (finding.check.name().to_owned(), finding.verdict.name().into()));
    (!found.is_empty()).then(|| Value::Object(verdicts.collect()))
}

fn show(status: StatusCode, word: &str, reason: Option<String>, found: Found) -> Answer {
    let mut body = json!({ "status": word, "version": env!("CARGO_PKG_VERSION") });
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    if let Some(durability) = found.durability {
        body["durability"] = durability;
    }
    if let Some(storage) = found.storage {
        body["storage"] = storage.name().into();
    }
    let mut answer = answer::json(status, &body);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}
