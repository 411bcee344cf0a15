//! `GET /stats`: the whole service at a glance, for the page's plots: its timers, the events of the last hour, and the state of NATS. A
//! value that this node does not know is null, with the reason.

use std::time::Duration;

use serde_json::{Value, json};
use warp::http::StatusCode;

use super::answer::{self, Answer};
use super::call::Call;
use super::list::counted;
use super::problem::Problem;
use super::query::Params;
use crate::foundation::rfc3339;
use crate::nats::{NatsStatus, StreamStatus};
use rules::history::{Lateness, Minute, Report};

/// The value of a part, or the reason why it is not known.
type Part = Result<Value, &'static str>;

const NO_INDEX: &str = "this node keeps no index of timers (--index-limit 0)";
const NOT_FILLED: &str = "this node is still reading the timers for its index";

pub(super) async fn show(call: &Call<'_>) -> Result<Answer, Problem> {
    Params::none(&call.request.query)?;
    let nats = call.api.streams.look().await;
    let mut missing = vec![];
    let mut known = |pointer: &str, part: Part| {
        part.unwrap_or_else(|why| {
            missing.push(json!({ "pointer": pointer, "detail": why }));
            Value::Null
        })
    };
    let silent = if nats.connected { "NATS did not answer within a second" } else { "not connected to NATS" };
    let mut body = json!({
        "at": rfc3339::format(call.now()),
        "time_scale": call.engine.clock().scale(),
        "timers": known("/timers", timers(call)),
        "backlog": known("/backlog", nats.backlog.map(Value::from).ok_or(silent)),
        "history": known("/history", history(call)),
        "nats": broker(&nats),
    });
    body["nats"]["round_trip_ms"] =
        known("/nats/round_trip_ms", nats.round_trip.map(|trip| millis(trip).into()).ok_or(silent));
    body["missing"] = missing.into();
    Ok(answer::json(StatusCode::OK, &body))
}

fn timers(call: &Call<'_>) -> Part {
    let finder = call.api.finder.as_ref().ok_or(NO_INDEX)?;
    let now = call.engine.clock().moment();
    let waits = call.api.receivers.waits();
    finder.ask(|index| counted(index, &waits, now)).ok_or(NOT_FILLED)
}

fn history(call: &Call<'_>) -> Part {
    let finder = call.api.finder.as_ref().ok_or(NO_INDEX)?;
    let (report, complete) = finder.report().ok_or(NOT_FILLED)?;
    Ok(hour(&report, complete))
}

fn hour(report: &Report, complete: bool) -> Value {
    json!({
        "since": rfc3339::format(report.since),
        "complete": complete,
        "lateness_ms": report.lateness.as_ref().map(lateness),
        "minutes": report.minutes.iter().map(minute).collect::<Vec<_>>(),
    })
}

fn minute(minute: &Minute) -> Value {
    let counted = &minute.counted;
    json!({
        "start": rfc3339::format(minute.start),
        "created": counted.created,
        "fired": counted.fired,
        "delivered": counted.delivered,
        "failed": counted.failed,
        "unknown": counted.unknown,
        "cancelled": counted.cancelled,
        "lateness_ms": minute.lateness.as_ref().map(lateness),
    })
}

fn lateness(lateness: &Lateness) -> Value {
    json!({ "p50": millis(lateness.p50), "p99": millis(lateness.p99), "max": millis(lateness.max) })
}

fn broker(nats: &NatsStatus) -> Value {
    json!({
        "connected": nats.connected,
        "server": nats.server,
        "cluster": nats.cluster,
        "version": nats.version,
        "streams": nats.streams.iter().map(stream).collect::<Vec<_>>(),
    })
}

fn stream(stream: &StreamStatus) -> Value {
    let replicas = stream.replicas.iter().map(|replica| {
        json!({
            "server": replica.server,
            "leader": replica.leader,
            "current": replica.current,
            "lag": replica.lag,
        })
    });
    let consumers = stream.consumers.iter().map(|consumer| {
        json!({
            "name": consumer.name,
            "pending": consumer.pending,
            "ack_pending": consumer.ack_pending,
        })
    });
    json!({
        "name": stream.name,
        "messages": stream.messages,
        "bytes": stream.bytes,
        "replicas": replicas.collect::<Vec<_>>(),
        "consumers": consumers.collect::<Vec<_>>(),
    })
}

fn millis(span: Duration) -> f64 {
    span.as_micros() as f64 / 1e3
}
