//! Reads the target of a call: URL, method, headers and body.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};
use warp::http::{HeaderName, HeaderValue, Uri};

use super::fields::{Fields, escaped};
use crate::api::problem::FieldError;
use crate::foundation::crypto::has_certificates;
use rules::domain::dns_name;
use rules::domain::target::{
    Body, MAX_HEADER_BYTES, MAX_HEADERS, Method, Target, TargetUrl, is_reserved_header,
};
use rules::policy::{Destination, Policy};

const BODIES: [&str; 3] = ["body", "body_text", "body_base64"];

const NO_CERTIFICATES: &str = "cannot be called: no certificate can name this host. Such a name has only letters, digits, \
                               underscores and, within a label, hyphens; use another name, or http";

/// The parts of the target that a change names.
pub(super) struct TargetChange {
    pub(super) url: Option<TargetUrl>,
    pub(super) method: Option<Method>,
    pub(super) headers: Option<Arc<[(String, String)]>>,
    pub(super) body: Option<Body>,
}

/// Reads the parts of the target that a change names. Whether the timer's own method takes a body is not known here.
pub(super) fn read_change(fields: &mut Fields<'_>, json_body: Option<&str>, policy: &Policy) -> TargetChange {
    let url = if fields.names(&["url"]) { url(fields, policy) } else { None };
    let method = fields.names(&["method"]).then(|| method(fields));
    let headers = fields.names(&["headers"]).then(|| headers(fields));
    let body = fields.names(&BODIES).then(|| body(fields, method.unwrap_or(Method::Post), json_body));
    TargetChange { url, method, headers, body }
}

/// Reads the target, with its JSON body as it was written; `None` if it has no usable URL.
pub(super) fn read(fields: &mut Fields<'_>, json_body: Option<&str>, policy: &Policy) -> Option<Target> {
    let url = url(fields, policy);
    let method = method(fields);
    let headers = headers(fields);
    let body = body(fields, method, json_body);
    Some(Target { url: url?, method, headers, body })
}

fn url(fields: &mut Fields<'_>, policy: &Policy) -> Option<TargetUrl> {
    let Some(value) = fields.take("url") else {
        fields.wrong("url", "is missing; give the URL to call, such as \"https://example.com/hook\"");
        return None;
    };
    url_of(fields, "url", value, policy)
}

/// Reads a field's value as a URL.
pub(super) fn url_of(
    fields: &mut Fields<'_>,
    field: &str,
    value: &Value,
    policy: &Policy,
) -> Option<TargetUrl> {
    let Some(text) = value.as_str() else {
        fields.wrong(field, "must be a string such as \"https://example.com/hook\"");
        return None;
    };
    let url = TargetUrl::parse(text).map_err(|error| fields.wrong(field, error.to_string())).ok()?;
    // The HTTP client has its own rules for a URL.
    if let Err(error) = url.as_str().parse::<Uri>() {
        fields.wrong(field, format!("cannot be called: {error}"));
        return None;
    }
    if let Some(name) = url.as_url().domain() {
        if let Err(why) = dns_name::labels(name) {
            fields.wrong(field, format!("cannot be called: {why}"));
            return None;
        }
        if url.as_url().scheme() == "https" && !has_certificates(name) {
            fields.wrong(field, NO_CERTIFICATES);
            return None;
        }
    }
    // Only the URL is judged here; the addresses of a name are judged when the node connects to them.
    if let Some(Err(why)) = Destination::of(url.as_url()).map(|to| policy.judge(&to)) {
        fields.wrong(field, format!("must not be called: {why}"));
    }
    Some(url)
}

fn method(fields: &mut Fields<'_>) -> Method {
    let Some(value) = fields.take("method") else { return Method::Post };
    if let Some(method) = value.as_str().and_then(Method::from_name) {
        return method;
    }
    let names = Method::ALL.map(Method::as_str).join(", ");
    let form = if value.is_string() { "" } else { "a string: " };
    fields.wrong("method", format!("must be {form}one of {names}"));
    Method::Post
}

fn headers(fields: &mut Fields<'_>) -> Arc<[(String, String)]> {
    // A null counts as no headers: some clients send null for each field that they do not set.
    let Some(value) = fields.take("headers").filter(|value| !value.is_null()) else { return [].into() };
    let Value::Object(object) = value else {
        fields.wrong("headers", "must be an object of strings, such as {\"authorization\": \"Bearer …\"}");
        return [].into();
    };
    if object.len() > MAX_HEADERS {
        fields.wrong("headers", format!("has more than {MAX_HEADERS} entries"));
    }
    let bytes: usize =
        object.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum();
    if bytes > MAX_HEADER_BYTES {
        fields
            .wrong("headers", format!("is larger than {MAX_HEADER_BYTES} bytes, names and values together"));
    }
    let (headers, errors) = checked(object);
    fields.extend(errors);
    headers.into()
}

fn checked(object: &Map<String, Value>) -> (Vec<(String, String)>, Vec<FieldError>) {
    let mut headers: Vec<(String, String)> = vec![];
    let mut errors = vec![];
    for (name, value) in object {
        let lower = name.to_ascii_lowercase();
        let wrong = if HeaderName::from_bytes(lower.as_bytes()).is_err() {
            Some("is not a header name: letters, digits and - are allowed")
        } else if is_reserved_header(&lower) {
            Some("is set by the connection and cannot be chosen")
        } else if lower.starts_with("webhook-")
            || lower.starts_with("jettimer-")
            || lower == "idempotency-key"
        {
            Some("is set by jettimer and cannot be chosen")
        } else if headers.iter().any(|(other, _)| *other == lower) {
            Some("is given twice; header names ignore upper and lower case")
        } else {
            match value.as_str().map(HeaderValue::from_str) {
                None => Some("must be a string"),
                // HTTP allows other bytes, but what they mean is undefined (RFC 9110, 5.5).
                Some(Ok(value)) if value.to_str().is_ok() => None,
                Some(_) => Some("must be visible ASCII, spaces and tabs"),
            }
        };
        match (wrong, value.as_str()) {
            (None, Some(value)) => headers.push((lower, value.to_owned())),
            (wrong, _) => errors.push(FieldError {
                pointer: format!("/headers/{}", escaped(name)),
                detail: wrong.unwrap_or("must be a string").to_owned(),
            }),
        }
    }
    (headers, errors)
}

fn body(fields: &mut Fields<'_>, method: Method, json_body: Option<&str>) -> Body {
    let values = BODIES.map(|name| (name, fields.take(name)));
    let given: Vec<(&'static str, &Value)> =
        values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let (name, value) = match given.as_slice() {
        [] => return Body::Default,
        [only] => *only,
        several => {
            for (name, _) in several {
                fields.wrong(name, format!("is one body too many; give only one of {}", BODIES.join(", ")));
            }
            return Body::Default;
        }
    };
    if !method.takes_body() {
        fields.wrong(name, format!("cannot be sent with {}; use another method", method.as_str()));
    }
    match (name, value.as_str()) {
        ("body", _) => Body::Json(json_body.unwrap_or("null").into()),
        ("body_text", Some(text)) => Body::Text(text.into()),
        ("body_base64", Some(text)) => match BASE64.decode(text) {
            Ok(bytes) => Body::Bytes(bytes.into()),
            Err(error) => {
                fields.wrong(name, format!("must be Base64 with padding (RFC 4648, 4): {error}"));
                Body::Default
            }
        },
        _ => {
            fields.wrong(name, "must be a string");
            Body::Default
        }
    }
}
