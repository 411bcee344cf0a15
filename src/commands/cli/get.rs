//! `jettimer get`: one timer, with all attempts that are kept.

use hyper::Method;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::Session;
use super::exit::Exit;
use super::failure::Failure;
use super::table::Cell;
use super::timer::{Attempt, Timer, instant, state};
use crate::commands::client::{Answer, Ask};
use crate::commands::options::{Get, Surroundings};

/// Fields that the generic list leaves out: `show` prints them first or in its own words, or does not print them.
const SHOWN: &[&str] = &[
    "id",
    "state",
    "due_at",
    "method",
    "url",
    "time_left",
    "attempt_log",
    "last_attempt",
    "redacted",
    "etag",
];

pub(super) async fn run(args: &Get, around: &Surroundings) -> Result<Exit, Failure> {
    let session = Session::open(&args.common.connection, around, args.common.output)?;
    let answer = session.client.send(Ask::new(Method::GET, format!("/timer/{}", args.id))).await?;
    show(&session, &answer)?;
    Ok(Exit::Done)
}

/// Shows a whole timer, with the ETag that `--if-match` takes.
pub(super) fn show(session: &Session, answer: &Answer) -> Result<(), Failure> {
    let mut fields: BTreeMap<String, Box<RawValue>> = answer.json()?;
    if session.out.is_json() {
        let etag = answer.etag().map(to_raw_value).transpose();
        fields.extend(etag.map_err(unwritten)?.map(|etag| ("etag".to_owned(), etag)));
        let line = serde_json::to_string(&fields).map_err(unwritten)?;
        return Ok(session.out.line(&line.replace(['\n', '\r'], " "))?);
    }
    let timer: Timer = answer.json()?;
    let mut rows = vec![
        vec![Cell::new("id"), Cell::new(&timer.id)],
        vec![Cell::new("state"), state(&timer.state)],
        vec![Cell::new("due"), Cell::new(&format!("{} ({})", instant(timer.next_call()), timer.distance()))],
        vec![Cell::new("calls"), Cell::new(&format!("{} {}", timer.method, timer.url))],
    ];
    for (name, value) in fields.iter().filter(|(name, _)| !SHOWN.contains(&name.as_str())) {
        rows.extend(lines_of(name, value.get()));
    }
    if fields.get("redacted").is_some_and(|redacted| redacted.get() == "true") {
        let why = "headers and body are shown as digests: the token does not have the scope read-body";
        rows.push(vec![Cell::new("redacted"), Cell::new(why)]);
    }
    rows.extend(answer.etag().map(|etag| vec![Cell::new("etag"), Cell::new(etag)]));
    session.out.rows(&[], &rows)?;
    let log = fields.get("attempt_log").map_or("[]", |log| log.get());
    let log: Vec<Attempt> = serde_json::from_str(log).unwrap_or_default();
    if session.out.is_for_people() && !log.is_empty() {
        let rows: Vec<Vec<Cell>> = log.iter().map(attempt).collect();
        session.out.line("")?;
        session.out.rows(&["ATTEMPT", "AT", "LATE", "NODE", "RESULT"], &rows)?;
    }
    Ok(())
}

fn attempt(attempt: &Attempt) -> Vec<Cell> {
    let late = format!("{:.1} ms", attempt.lateness_ms);
    [&attempt.number.to_string(), &instant(&attempt.claimed_at), &late, &attempt.node, &attempt.came_to()]
        .map(|text| Cell::new(text))
        .into()
}

/// The lines of a field: one line, or one for each field in it; a body is shown as it was written.
fn lines_of(name: &str, written: &str) -> Vec<Vec<Cell>> {
    let line = |text: &str| vec![vec![Cell::new(&name.replace('_', " ")), Cell::new(text)]];
    match serde_json::from_str(written) {
        Ok(Value::Object(fields)) if name != "body" => fields
            .iter()
            .flat_map(|(inner, value)| lines_of(&format!("{name} {inner}"), &value.to_string()))
            .collect(),
        Ok(Value::String(text)) if name != "body" => line(&text),
        _ => line(written),
    }
}

fn unwritten(error: serde_json::Error) -> Failure {
    Failure::other(error.to_string())
}
