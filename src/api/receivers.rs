//! `GET /receivers`: the receivers that this node calls, the calls in progress, and the open circuit breakers.
//!
//! It tells what this one node has seen; other nodes may have seen otherwise.

use serde_json::{Value, json};
use warp::http::StatusCode;

use super::answer::{self, Answer};
use super::parts::Api;
use super::problem::Problem;
use super::query::{Params, number};
use super::request::Request;
use rules::receivers::ReceiverStatus;

const DEFAULT_LIMIT: usize = 100;
pub(super) const MAX_LIMIT: usize = 1_000;

pub(super) fn list(api: &Api, request: &Request) -> Result<Answer, Problem> {
    let mut params = Params::of(&request.query);
    let limit = params.read("limit", |text| number(text, 1, MAX_LIMIT)).unwrap_or(DEFAULT_LIMIT);
    params.finish()?;
    let receivers: Vec<Value> = api.receivers.statuses(limit).iter().map(shown).collect();
    Ok(answer::json(StatusCode::OK, &json!({ "receivers": receivers })))
}

fn shown(status: &ReceiverStatus) -> Value {
    let mut json = json!({
        "receiver": status.receiver,
        "breaker": status.breaker.name(),
        "paths_left_alone": status.paths_left_alone,
        "failures": status.failures,
        "in_flight": status.in_flight,
        "limit": status.limit,
        "waiting": status.waiting,
        "postponed": status.postponed,
    });
    if !status.open_for.is_zero() {
        json["open_for_ms"] = (status.open_for.as_millis() as u64).into();
    }
    if !status.asked_for.is_zero() {
        json["asked_for_ms"] = (status.asked_for.as_millis() as u64).into();
    }
    json
}
