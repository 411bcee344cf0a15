//! The contract of each operation and each problem with clients, field by field: a change of the contract shows as a change
//! of a snapshot. `UPDATE_EXPECT=1 cargo test --test it contract::` writes them again.
//!
//! Values that differ from run to run (ids, instants, revisions, ports) are replaced by words.

#![expect(clippy::too_many_lines, reason = "most lines are snapshots, which stand where the request is made")]

mod access;
mod complete;
mod feed;
mod lists;
mod node_problems;
mod request_problems;
mod stats;
mod timer;
mod timer_problems;

use expect_test::Expect;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::support::{Client, Reply};

const JSON: (&str, &str) = ("content-type", "application/json");

/// The headers that a client may rely on; an answer has only some of them.
const HEADERS: [&str; 10] = [
    "content-type",
    "cache-control",
    "location",
    "etag",
    "allow",
    "retry-after",
    "www-authenticate",
    "ratelimit-policy",
    "ratelimit",
    "x-accel-buffering",
];

/// Sends a request and compares the answer.
async fn check(
    client: &Client,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
    expect: Expect,
) {
    same(&client.send(method, path, headers, body).await, &expect);
}

/// Compares an answer.
fn same(reply: &Reply, expect: &Expect) {
    assert!(!reply.header("x-request-id").is_empty(), "{reply:?}");
    expect.assert_eq(&shown(reply));
}

/// An answer as text: status, headers, body.
fn shown(reply: &Reply) -> String {
    let mut text = format!("{}\n", reply.status);
    for name in HEADERS {
        let value = match name {
            "etag" if !reply.header(name).is_empty() => "\"<revision>\"",
            "ratelimit" => reply.header(name).split(";t=").next().unwrap_or_default(),
            _ => reply.header(name),
        };
        if !value.is_empty() {
            text += &format!("{name}: {}\n", masked(value));
        }
    }
    let mut json = reply.json.clone();
    blur(&mut json);
    let body = if json == "" { String::new() } else { serde_json::to_string_pretty(&json).expect("JSON") };
    format!("{text}\n{}\n", masked(&body))
}

/// Replaces the values that are recognised by the names of their fields.
fn blur(json: &mut Value) {
    match json {
        Value::Object(object) => {
            for (name, value) in object {
                match name.as_str() {
                    "time_left" if *value != 0 => *value = "<seconds>".into(),
                    "next" if value.is_string() => *value = "<cursor>".into(),
                    took if took.ends_with("_ms") => *value = "<milliseconds>".into(),
                    "server" => *value = "<server>".into(),
                    "version" => *value = "<version>".into(),
                    _ => blur(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(blur),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Replaces ids, instants, addresses and sizes anywhere in a text.
fn masked(text: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.');
    let mut masked = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(part) {
        let end = rest[start..].find(|c| !part(c)).map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        masked += &rest[..start];
        masked += match word {
            id if id.parse::<Uuid>().is_ok() => "<id>",
            instant if jettimer::foundation::rfc3339::parse(instant).is_ok() => "<instant>",
            _ if rest[end..].starts_with(" MiB") => "<size>",
            address if address.parse::<std::net::SocketAddr>().is_ok() => "<address>",
            other => other,
        };
        rest = &rest[end..];
    }
    masked + rest
}
