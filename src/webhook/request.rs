//! The request of the call that a timer makes: method, headers and body.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use url::{Position, Url};

use super::failure::Failure;
use super::sign::{Call, Secrets};
use crate::foundation::rfc3339;
use rules::domain::target::{Body, MAX_HEADERS, Method, TargetUrl};
use rules::domain::time::Timestamp;
use rules::domain::timer::Timer;

/// The name by which a node introduces itself, unless the timer's own headers say otherwise.
const US: HeaderValue = HeaderValue::from_static(concat!("jettimer/", env!("CARGO_PKG_VERSION")));

/// The headers with which a call says what it is.
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const ATTEMPT: HeaderName = HeaderName::from_static("jettimer-attempt");
const DUE_AT: HeaderName = HeaderName::from_static("jettimer-due-at");

/// The most headers that a request has in addition to the timer's own: those above, and the ones of HTTP.
const OUR_HEADERS: usize = 12;

/// A request, ready to be written.
pub(super) struct Outgoing {
    method: http::Method,
    url: TargetUrl,
    /// Whether the request line has the whole URL, as a proxy wants it.
    absolute: bool,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Outgoing {
    /// The request of this attempt, made at `now` by the world's clock, which receivers go by.
    pub(super) fn new(timer: &Timer, attempt: u32, secrets: &Secrets, now: Timestamp) -> Self {
        let (mut headers, body) = parts(timer, attempt, secrets, now);
        headers.entry(USER_AGENT).or_insert(US);
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        Self { method: method(timer), url: timer.target.url.clone(), absolute: false, headers, body }
    }

    /// The same request for a proxy that passes it on, with our credentials for the proxy.
    pub(super) fn through_proxy(mut self, authorization: Option<&str>) -> Self {
        self.absolute = true;
        if let Some(Ok(value)) = authorization.map(HeaderValue::from_str) {
            self.headers.insert(http::header::PROXY_AUTHORIZATION, value);
        }
        self
    }

    /// Whether the answer has no body, whatever its head says.
    pub(super) fn is_head(&self) -> bool {
        self.method == http::Method::HEAD
    }

    pub(super) fn body(&self) -> Bytes {
        self.body.clone().unwrap_or_default()
    }

    /// The whole request, as HTTP/1.1 (RFC 9112).
    pub(super) fn http1(&self) -> Bytes {
        let body = self.body.as_deref().unwrap_or_default();
        let mut bytes = Vec::with_capacity(1_024 + body.len());
        let url = self.url.as_url();
        let (authority, target) = (authority(url), path_and_query(url));
        let to = if self.absolute { [url.scheme(), "://", authority, target] } else { ["", "", "", target] };
        let line = [self.method.as_str(), " "].into_iter().chain(to);
        for text in line.chain([" HTTP/1.1\r\nhost: ", authority, "\r\n"]) {
            bytes.extend_from_slice(text.as_bytes());
        }
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        if self.body.is_some() {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        bytes.into()
    }

    /// The head of the request, for HTTP/2.
    pub(super) fn http2(&self) -> Result<http::Request<()>, Failure> {
        let url = self.url.as_url();
        let uri = [url.scheme(), "://", authority(url), path_and_query(url)].concat();
        let request = http::Request::builder().method(self.method.clone()).uri(uri).body(());
        let mut request = request.map_err(|error| Failure::NotSent(error.to_string()))?;
        request.headers_mut().clone_from(&self.headers);
        if let Some(body) = &self.body {
            request.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        Ok(request)
    }
}

fn method(timer: &Timer) -> http::Method {
    match timer.target.method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    }
}

/// Headers and body of this attempt, made at `now` by the world's clock, which receivers go by.
fn parts(timer: &Timer, attempt: u32, secrets: &Secrets, now: Timestamp) -> (HeaderMap, Option<Bytes>) {
    let mut headers = own_headers(timer);
    let id = timer.id.to_string();
    let timestamp = now.as_micros() / 1_000_000;
    let body = content(timer, &id);
    let signature = if secrets.is_empty() {
        None
    } else {
        secrets.signature(&Call {
            id: &id,
            timestamp,
            body: body.as_ref().map_or(&[], |(_, body)| body),
            authority: &timer.target.url.authority(),
            signer: timer.signer(),
        })
    };
    let due_at = rfc3339::Text::of(timer.due_at);
    let id = HeaderValue::try_from(id).ok();
    let values = [
        (WEBHOOK_ID, id.clone()),
        (WEBHOOK_TIMESTAMP, Some(timestamp.into())),
        (WEBHOOK_SIGNATURE, signature.and_then(|text| text.try_into().ok())),
        (IDEMPOTENCY_KEY, id),
        (ATTEMPT, Some(attempt.into())),
        (DUE_AT, HeaderValue::from_str(due_at.as_str()).ok()),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    // The trace of the request that created the timer, so that the call is seen in it. A trace of our own would be sampled by every
    // receiver, and its root would not be exported.
    if let Some(Ok(trace)) = timer.traceparent.as_ref().map(HeaderValue::try_from) {
        headers.entry("traceparent").or_insert(trace);
    }
    if let Some((content_type, _)) = &body {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
    }
    (headers, body.map(|(_, body)| body))
}

/// Host and port as the URL has them, without the user.
fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

fn path_and_query(url: &Url) -> &str {
    &url[Position::BeforePath..Position::AfterQuery]
}

/// The timer's own headers, with room for ours. Only a forged record has more than a creation may have.
fn own_headers(timer: &Timer) -> HeaderMap {
    let own = timer.target.headers.get(..MAX_HEADERS).unwrap_or(&timer.target.headers);
    let mut headers = HeaderMap::with_capacity(own.len() + OUR_HEADERS);
    headers.extend(own.iter().filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    }));
    headers
}

/// The body, and its type unless the timer's own headers say otherwise.
fn content(timer: &Timer, id: &str) -> Option<(&'static str, Bytes)> {
    const JSON: &str = "application/json";
    match &timer.target.body {
        Body::Default => match timer.target.method {
            Method::Get | Method::Head | Method::Delete => None,
            Method::Post | Method::Put | Method::Patch => {
                Some((JSON, format!("{{\"id\": \"{id}\"}}").into()))
            }
        },
        Body::Json(json) => Some((JSON, shared(json.clone().into()))),
        Body::Text(text) => Some(("text/plain; charset=utf-8", shared(text.clone().into()))),
        Body::Bytes(bytes) => Some(("application/octet-stream", shared(bytes.clone()))),
    }
}

/// The timer's own bytes, without a copy.
fn shared(bytes: Arc<[u8]>) -> Bytes {
    Bytes::from_owner(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::domain::attempt::Delivery;
    use rules::domain::sample::a_timer;

    #[test]
    fn an_attempt_says_which_one_it_is_and_when_it_was_due() {
        let timer = a_timer(Delivery::AtMostOnce, 3);
        let now = Timestamp::from_micros(1_600_000_000_999_999);
        let (headers, body) = parts(&timer, 2, &Secrets::default(), now);
        assert_eq!(body.as_deref(), Some(format!("{{\"id\": \"{}\"}}", timer.id).as_bytes()));
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["webhook-id"], headers["idempotency-key"]);
        assert_eq!(headers["webhook-timestamp"], "1600000000");
        assert_eq!(headers["jettimer-attempt"], "2");
        assert_eq!(headers["jettimer-due-at"], rfc3339::format(timer.due_at));
        assert!(!headers.contains_key("webhook-signature"));
        assert!(!headers.contains_key("traceparent"));
    }

    #[test]
    fn the_creators_trace_goes_on_and_a_trace_of_the_timers_own_before_it() {
        let mut timer = a_timer(Delivery::AtMostOnce, 3);
        timer.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00".into());
        let (headers, _) = parts(&timer, 1, &Secrets::default(), timer.due_at);
        assert_eq!(headers["traceparent"], timer.traceparent.clone().unwrap());
        timer.target.headers = [("traceparent".into(), "00-1-2-01".into())].into();
        let (headers, _) = parts(&timer, 1, &Secrets::default(), timer.due_at);
        assert_eq!(headers["traceparent"], "00-1-2-01");
    }
}
