//! The request that is made when a timer is due: URL, method, headers and body, parsed and limited.
//!
//! The policy of the webhook client decides whether the address behind the URL may be called. It does so when a connection is
//! made, not here.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use url::Url;

use super::host;

/// The longest URL that is accepted, in bytes. RFC 9110 (4.1) asks for at least 8,000 to be supported.
pub const MAX_URL_BYTES: usize = 8_192;
/// The most headers that a timer may set.
pub const MAX_HEADERS: usize = 50;
/// The most bytes of all header names and values together; common servers refuse more than 16 KiB.
pub const MAX_HEADER_BYTES: usize = 8_192;

/// An absolute `http` or `https` URL with a host, without credentials. Path and query may still be secret, so the type has no
/// `Display`, and its `Debug` shows only the receiver. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl(Arc<Url>);

/// Why a text is not a [`TargetUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The URL is longer than [`MAX_URL_BYTES`].
    #[error("is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// The WHATWG URL parser refuses it.
    #[error("is not an absolute URL: {0}")]
    Malformed(url::ParseError),
    /// The scheme is not `http` or `https`.
    #[error("must start with http:// or https://")]
    Scheme,
    /// The URL has credentials, as in `http://user:secret@host/`.
    #[error("must not contain a user name or password; use headers for credentials")]
    Credentials,
    /// No connection can be made to port 0.
    #[error("must not name port 0")]
    Port,
}

impl TargetUrl {
    /// Reads a URL as the WHATWG standard does. The result prints in its normal form.
    ///
    /// # Errors
    ///
    /// A [`UrlError`] that says which rule is broken.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_URL_BYTES {
            return Err(UrlError::TooLong);
        }
        let url = Url::parse(text).map_err(UrlError::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if url.port() == Some(0) {
            return Err(UrlError::Port);
        }
        // The normal form may be longer: characters other than ASCII are percent-encoded.
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(UrlError::TooLong);
        }
        Ok(Self(Arc::new(url)))
    }

    /// The URL in its normal form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        // Every http and https URL has a host.
        self.0.host_str().unwrap_or_default()
    }

    /// The host and port of the connection, which distinguish receivers. The host has the form of [`Self::host_name`].
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host_name(), self.port())
    }

    /// The host in the form in which hosts are compared: with or without a dot at the end of its name, and in the IPv4 or IPv6
    /// form of an IPv4 address, it is the same host.
    pub fn host_name(&self) -> Cow<'_, str> {
        host::normal(&self.0)
    }

    /// The port of the connection.
    pub fn port(&self) -> u16 {
        // Both schemes have a default port.
        self.0.port_or_known_default().unwrap_or_default()
    }

    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetUrl({}, …)", self.authority())
    }
}

/// The HTTP methods that a timer may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    /// The default of a creation.
    Post,
    Put,
    Patch,
    /// Sends a body only if the timer has one of its own.
    Delete,
}

impl Method {
    /// Every method, in the order in which users see them.
    pub const ALL: [Self; 6] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Head];

    /// The method's name in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method of this name; names are case-sensitive (RFC 9110, 9.1).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }

    /// Whether a request of this method may have content. For GET and HEAD it has no defined
    /// meaning and receivers may refuse it (RFC 9110, 9.3.1 and 9.3.2).
    pub const fn takes_body(self) -> bool {
        !matches!(self, Self::Get | Self::Head)
    }
}

/// The body of the request. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// `{"id": "<id>"}` as JSON; no body with GET, HEAD and DELETE.
    Default,
    /// A JSON document, as `application/json`.
    Json(Arc<str>),
    /// Text, as `text/plain; charset=utf-8`.
    Text(Arc<str>),
    /// Any bytes, as `application/octet-stream`.
    Bytes(Arc<[u8]>),
}

impl Body {
    /// How many bytes of its own the timer has for the body.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Default => 0,
            Self::Json(text) | Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

/// The request that is sent when the timer is due. Cheap to clone: all versions of a timer share the parts of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub url: TargetUrl,
    pub method: Method,
    /// The timer's own headers in the client's order. Names are valid, not reserved ([`is_reserved_header`]) and occur once;
    /// values are visible ASCII.
    pub headers: Arc<[(String, String)]>,
    pub body: Body,
}

/// Headers that belong to the connection or that the HTTP client sets by itself (hop-by-hop:
/// RFC 9110, 7.6.1), in lower case.
pub fn is_reserved_header(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "content-length"
            | "expect"
            | "host"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_http_urls_without_credentials_are_taken() {
        for good in
            ["http://localhost", "https://example.com/a?b=c", "http://[::1]:8080/", "HTTP://EXAMPLE.com"]
        {
            assert!(TargetUrl::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("ftp://example.com", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("http://me@example.com", UrlError::Credentials),
            ("http://me:secret@example.com", UrlError::Credentials),
            ("http://example.com:0/", UrlError::Port),
            ("/relative", UrlError::Malformed(url::ParseError::RelativeUrlWithoutBase)),
            ("http://", UrlError::Malformed(url::ParseError::EmptyHost)),
            ("http://a b/", UrlError::Malformed(url::ParseError::IdnaError)),
        ] {
            assert_eq!(TargetUrl::parse(bad), Err(why), "{bad}");
        }
        let long = format!("http://example.com/{}", "x".repeat(MAX_URL_BYTES));
        assert_eq!(TargetUrl::parse(&long), Err(UrlError::TooLong));
    }

    #[test]
    fn a_receiver_is_the_same_however_its_host_is_written() {
        for url in ["http://api.example.com/", "http://API.example.com.:80/a", "http://%61pi.example.com./"] {
            assert_eq!(TargetUrl::parse(url).unwrap().authority(), "api.example.com:80", "{url}");
        }
        assert_eq!(TargetUrl::parse("https://[::1]/").unwrap().authority(), "[::1]:443");
        assert_eq!(TargetUrl::parse("http://[::ffff:7f00:1]/").unwrap().authority(), "127.0.0.1:80");
        assert_eq!(TargetUrl::parse("http://0x7f.1/").unwrap().authority(), "127.0.0.1:80");
    }
}
