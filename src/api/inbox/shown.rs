//! The webhooks of the inbox as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use crate::api::inbox::received::{Inbox, Webhook};
use crate::foundation::rfc3339;

/// The webhooks at `path` and below, the newest first.
pub(super) fn all(inbox: &Inbox, path: &str) -> Value {
    let webhooks: Vec<Value> = inbox.below(path).map(|(number, webhook)| one(*number, webhook)).collect();
    json!({ "webhooks": webhooks, "received": inbox.count() })
}

fn one(number: u64, webhook: &Webhook) -> Value {
    let due_at = webhook.header("jettimer-due-at").and_then(|text| rfc3339::parse(text).ok());
    let attempt: Option<u32> = webhook.header("jettimer-attempt").and_then(|text| text.parse().ok());
    let mut json = json!({
        "number": number,
        "received_at": rfc3339::format(webhook.received_at),
        "id": webhook.header("webhook-id"),
        "attempt": attempt,
        "lateness_ms": due_at.map(|due_at| webhook.lateness(due_at).as_micros() as f64 / 1e3),
        "signature": webhook.signature.name(),
        "method": webhook.method,
        "path": webhook.path,
        "query": webhook.query,
        "headers": headers(webhook),
        "body_bytes": webhook.body_bytes,
        "truncated": webhook.body.len() < webhook.body_bytes,
        "status": webhook.status,
    });
    match text(webhook) {
        Some(text) => json["body"] = text.into(),
        None => json["body_base64"] = BASE64.encode(&webhook.body).into(),
    }
    json
}

fn headers(webhook: &Webhook) -> Map<String, Value> {
    let mut headers = Map::new();
    for (name, value) in &webhook.headers {
        let known = headers.get(name).and_then(Value::as_str);
        let value = known.map_or_else(|| value.clone(), |known| format!("{known}, {value}"));
        headers.insert(name.clone(), value.into());
    }
    headers
}

/// The body, if it is text; a truncated body may end within a character.
fn text(webhook: &Webhook) -> Option<&str> {
    match std::str::from_utf8(&webhook.body) {
        Ok(text) => Some(text),
        Err(error) if webhook.body.len() < webhook.body_bytes && error.error_len().is_none() => {
            std::str::from_utf8(&webhook.body[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}
