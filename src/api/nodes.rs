//! `GET /nodes`: the nodes, and what their clocks show, as far as this node has heard of them.

use std::time::Duration;

use serde_json::{Value, json};
use warp::http::StatusCode;

use super::answer::{self, Answer};
use super::parts::Api;
use super::problem::Problem;
use super::query::Params;
use super::request::Request;
use crate::node::heartbeat::KnownNode;
use rules::presence::Offset;

pub(super) fn list(api: &Api, request: &Request) -> Result<Answer, Problem> {
    Params::none(&request.query)?;
    let skew = api.heartbeat.skew();
    let nodes: Vec<Value> = api.heartbeat.nodes().iter().map(shown).collect();
    let clock = json!({
        "nats_offset_ms": skew.nats.map(millis),
        "peers_offset_ms": skew.peers.map(millis),
        "max_skew_ms": whole_millis(api.max_clock_skew),
    });
    Ok(answer::json(StatusCode::OK, &json!({ "clock": clock, "nodes": nodes })))
}

fn shown(known: &KnownNode) -> Value {
    json!({
        "name": known.node.name,
        "instance": known.node.instance,
        "role": known.node.role.name(),
        "version": known.node.version,
        "state": known.life.name(),
        "this": known.itself,
        "differences": known.differences.as_ref().map(|found| found.iter().map(|one| one.name()).collect::<Vec<_>>()),
        "clock_offset_ms": known.offset.map(millis),
        "silent_for_ms": whole_millis(known.silent_for),
    })
}

fn millis(offset: Offset) -> f64 {
    offset.as_micros() as f64 / 1e3
}

fn whole_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
