//! A request, the token that it carries, and its answer.

use anyhow::Context as _;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;

use super::Error;

/// A token of the API. It is never shown.
#[derive(Clone)]
pub struct Token(HeaderValue);

#[derive(Clone, Debug)]
pub struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An answer that is not a problem.
#[derive(Debug)]
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Takes the text of a token; `None` if it is empty.
    ///
    /// # Errors
    ///
    /// If the text cannot be a token. The text is not repeated.
    pub fn new(text: &str) -> anyhow::Result<Option<Self>> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {text}"))
            .ok()
            .filter(|_| !text.contains(char::is_whitespace))
            .context("it contains characters that a token cannot have")?;
        value.set_sensitive(true);
        Ok(Some(Self(value)))
    }

    /// The value of `Authorization`.
    pub fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl Ask {
    /// A request for this path and query.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Adds a body that is JSON already.
    pub fn json(self, body: impl Into<Bytes>) -> Self {
        self.body("application/json", body)
    }

    /// Adds a body of this type.
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { body: body.into(), ..self }
    }

    /// Adds a header, if there is a value for it.
    pub fn header(mut self, name: &'static str, value: Option<&str>) -> Result<Self, Error> {
        if let Some(text) = value {
            let value = HeaderValue::from_str(text).map_err(|_| {
                Error::Unusable(format!("{name} cannot be {text:?}: a header cannot have these characters"))
            })?;
            self.headers.insert(HeaderName::from_static(name), value);
        }
        Ok(self)
    }
}

impl Answer {
    /// Whether the request has made something new (201).
    pub fn is_new(&self) -> bool {
        self.status == StatusCode::CREATED
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// If it does not have the expected form: then the server is not a jettimer, or an older one.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::Unusable(format!(
                "the answer is not valid for jettimer {}: {error}",
                env!("CARGO_PKG_VERSION")
            ))
        })
    }

    /// The body as text, in one line: nodes write no line breaks but those of a client's own JSON.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).replace(['\n', '\r'], " ")
    }

    /// The entity tag, if there is one.
    pub fn etag(&self) -> Option<&str> {
        self.headers.get(ETAG)?.to_str().ok()
    }
}
