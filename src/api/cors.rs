//! Lets pages of other origins use the API from a browser (Fetch standard, 3.3).
//!
//! Tokens travel in a header that a page sets itself. So the API never asks for the browser's credentials and never sends
//! `Access-Control-Allow-Credentials`. An origin that is not allowed gets the same answer as a client that is not a browser; the browser
//! keeps the answer from the page.

use std::str::FromStr;

use warp::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
};
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::answer::{self, Answer};

/// Headers that a page may send, in addition to those that every page may. Pages that trace send the last three with every request (W3C
/// Trace Context, W3C Baggage).
const ALLOWED_HEADERS: &str = "authorization, content-type, idempotency-key, if-match, last-event-id, x-request-id, \
                               traceparent, tracestate, baggage";

/// Headers that a page may read, in addition to those that every page may.
const EXPOSED_HEADERS: &str =
    "etag, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";

/// How long a browser may cache a preflight's answer, in seconds: two hours, the longest that Chromium accepts.
const MAX_AGE_SECONDS: &str = "7200";

/// The origins whose pages may use the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    #[default]
    Nobody,
    Anyone,
    /// These origins, each spelled as a browser spells it.
    These(Vec<String>),
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let origins: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        match origins.as_slice() {
            [] => Ok(Self::Nobody),
            ["*"] => Ok(Self::Anyone),
            origins if origins.contains(&"*") => Err("* means every origin, so give it alone".to_owned()),
            origins => Ok(Self::These(origins.iter().map(|origin| exact(origin)).collect::<Result<_, _>>()?)),
        }
    }
}

/// Reads an origin, if it is spelled as a browser spells it: another spelling would never match.
fn exact(text: &str) -> Result<String, String> {
    if text.contains('*') {
        return Err(format!("{text:?} contains a *; name each origin, or allow all with * alone"));
    }
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    match url.map(|url| url.origin().ascii_serialization()) {
        Some(origin) if origin == text => Ok(origin),
        Some(origin) => Err(format!("{text:?} must be written as browsers write it: {origin}")),
        None => Err(format!(
            "{text:?} is not an origin; an origin is http://HOST or https://HOST, with :PORT if it is not the default port"
        )),
    }
}

/// The part of an answer that is about the request's origin.
pub(super) struct Cors {
    /// The value of `Access-Control-Allow-Origin`, if the origin is allowed.
    allowed: Option<HeaderValue>,
    /// Whether the answer to another origin would differ.
    varies: bool,
    preflight: bool,
    /// Whether the request comes from a page of another origin that is not allowed.
    foreign: bool,
}

impl Cors {
    pub(super) fn of(origins: &Origins, method: &Method, headers: &HeaderMap) -> Self {
        let origin = headers.get(ORIGIN);
        let allowed = match origins {
            Origins::Nobody => None,
            // Every origin gets the same header, so a cached answer is good for all of them.
            Origins::Anyone => Some(HeaderValue::from_static("*")),
            Origins::These(these) => {
                origin.filter(|origin| these.iter().any(|this| this.as_bytes() == origin.as_bytes())).cloned()
            }
        };
        let asks = origin.is_some() && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let preflight = allowed.is_some() && asks && method == Method::OPTIONS;
        let foreign = allowed.is_none() && is_of_another_origin(headers);
        Self { allowed, varies: matches!(origins, Origins::These(_)), preflight, foreign }
    }

    /// Whether the request comes from a page that may not use the API. A browser keeps the answer from such a page, but still sends some of
    /// its requests: those that a form could have sent.
    pub(super) fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// The answer to a preflight, in which a browser asks whether it may send a page's request. It names the methods that the path takes
    /// from any client. `None` if the request is not a preflight of an allowed origin.
    pub(super) fn preflight(&self, methods: &str) -> Option<Answer> {
        let methods = HeaderValue::from_str(methods).ok().filter(|_| self.preflight)?;
        let mut answer = answer::text(StatusCode::NO_CONTENT, "text/plain", "");
        let headers = answer.headers_mut();
        headers.clear();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE_SECONDS));
        Some(answer)
    }

    /// Lets the page read the answer, if its origin is allowed.
    pub(super) fn show(self, headers: &mut HeaderMap) {
        if self.varies {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = self.allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            if !self.preflight {
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
            }
        }
    }
}

/// Whether the browser says that the request comes from a page of another origin (Fetch Metadata; older browsers send `Origin` only).
fn is_of_another_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        // `none` stands for a person at the browser's address bar.
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let host =
        origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host.as_bytes());
    host != headers.get(HOST).map(HeaderValue::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(origins: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        let mut answer = HeaderMap::new();
        Cors::of(&origins.parse().unwrap(), &Method::GET, &headers).show(&mut answer);
        answer
    }

    #[test]
    fn origins_are_exact_and_a_wrong_one_is_told_how_it_is_written() {
        assert_eq!("".parse(), Ok(Origins::Nobody));
        assert_eq!(" * ".parse(), Ok(Origins::Anyone));
        let two = vec!["https://a.example".to_owned(), "http://localhost:3000".to_owned()];
        assert_eq!("https://a.example, http://localhost:3000,".parse(), Ok(Origins::These(two)));
        for (wrong, said) in [
            ("*, https://a.example", "give it alone"),
            ("https://a.example/", "https://a.example"),
            ("https://A.example:443", "https://a.example"),
            ("https://a.example/app", "https://a.example"),
            ("https://*.example", "name each origin"),
            ("a.example", "is not an origin"),
            ("null", "is not an origin"),
            ("file:///x", "is not an origin"),
        ] {
            let error = wrong.parse::<Origins>().unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_page_is_foreign_unless_it_is_of_this_node_or_allowed() {
        let foreign = |origins: &str, fields: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.insert(*name, HeaderValue::from_str(value).unwrap());
            }
            Cors::of(&origins.parse().unwrap(), &Method::POST, &headers).is_foreign()
        };
        let host = ("host", "localhost:8000");
        let evil = ("origin", "http://evil.example");
        assert!(foreign("", &[host, evil]));
        assert!(foreign("", &[host, ("origin", "null")]));
        assert!(foreign("", &[host, ("origin", "http://localhost:9000")]));
        assert!(foreign("", &[host, ("sec-fetch-site", "cross-site")]));
        assert!(foreign("", &[host, ("sec-fetch-site", "same-site"), ("origin", "http://localhost:8000")]));
        assert!(foreign("https://a.example", &[host, evil]));
        // A client that is not a browser, a page of the node itself (also behind a proxy), and a page of an allowed origin.
        assert!(!foreign("", &[host]));
        assert!(!foreign("", &[host, ("origin", "http://localhost:8000")]));
        assert!(!foreign(
            "",
            &[host, ("sec-fetch-site", "same-origin"), ("origin", "https://timers.example")]
        ));
        assert!(!foreign("http://evil.example", &[host, evil, ("sec-fetch-site", "cross-site")]));
        assert!(!foreign("*", &[host, evil]));
    }

    #[test]
    fn only_an_allowed_origin_may_read_and_caches_are_told_what_it_depends_on() {
        let allowed = shown("https://a.example", Some("https://a.example"));
        assert_eq!(allowed[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
        assert_eq!(
            (&allowed[VARY], &allowed[ACCESS_CONTROL_EXPOSE_HEADERS]),
            (&"origin".parse().unwrap(), &EXPOSED_HEADERS.parse().unwrap())
        );
        for other in [None, Some("https://a.example.evil"), Some("http://a.example"), Some("null")] {
            let answer = shown("https://a.example", other);
            assert_eq!((answer.len(), &answer[VARY]), (1, &"origin".parse().unwrap()), "{other:?}");
        }
        assert_eq!(shown("*", None)[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!shown("*", Some("https://b.example")).contains_key(VARY));
        assert!(shown("", Some("https://a.example")).is_empty());
    }
}
