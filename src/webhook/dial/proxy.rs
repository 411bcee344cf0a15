//! A proxy that every call goes through: a tunnel for `https`, absolute URLs for `http`; and the meaning of the proxy's own answers.

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::{Host, Url};

use super::proxy_status::ProxyError;
use crate::webhook::failure::{Failure, cause};
use crate::webhook::wire::Wire;
use rules::policy::Destination;

/// The most bytes of an answer to CONNECT, including interim answers.
const MAX_HEAD: usize = 16_384;

/// The proxy of `--egress-proxy`.
#[derive(Clone, Debug)]
pub(in crate::webhook) struct Proxy {
    pub(super) to: Destination,
    /// TLS is spoken with the proxy itself.
    pub(super) secure: bool,
    /// Our credentials for the proxy.
    authorization: Option<String>,
}

impl Proxy {
    pub(in crate::webhook) fn new(url: &Url) -> Result<Self> {
        let to = Destination::of(url).context("--egress-proxy has no host")?;
        let secure = match url.scheme() {
            "http" => false,
            "https" => true,
            other => bail!("--egress-proxy must be an http or https URL, and {other} is neither"),
        };
        let decoded = |text: &str| percent_decoded(text);
        let authorization = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let name = decoded(url.username());
            let pair = [name, b":".to_vec(), decoded(url.password().unwrap_or_default())].concat();
            format!("Basic {}", BASE64.encode(pair))
        });
        Ok(Self { to, secure, authorization })
    }

    /// The value of `Proxy-Authorization`, if the proxy wants one.
    pub(in crate::webhook) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// Asks for a tunnel to a receiver (RFC 9110, 9.3.6).
    pub(super) async fn tunnel(&self, to: &Destination, wire: &mut Wire) -> Result<(), Failure> {
        let authority = match &to.host {
            Host::Ipv6(address) => format!("[{address}]:{}", to.port),
            Host::Domain(_) | Host::Ipv4(_) => format!("{}:{}", to.host, to.port),
        };
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n");
        if let Some(authorization) = &self.authorization {
            request.push_str(&format!("proxy-authorization: {authorization}\r\n"));
        }
        request.push_str("\r\n");
        wire.write_all(request.as_bytes()).await.map_err(|error| broke(&error))?;
        wire.flush().await.map_err(|error| broke(&error))?;
        let mut room = MAX_HEAD;
        loop {
            let head = read_head(wire, &mut room).await?;
            let mut lines = head.lines();
            match lines.next().and_then(status_of) {
                // Interim answers are passed over (RFC 9110, 15.2).
                Some(100 | 102..=199) => {}
                Some(200..=299) => return Ok(()),
                Some(status) => {
                    let said = lines.filter_map(|line| line.split_once(':'));
                    let mut said = said.filter(|(name, _)| name.trim().eq_ignore_ascii_case("proxy-status"));
                    let error = said.next_back().and_then(|(_, value)| ProxyError::of(value));
                    return Err(Failure::NotSent(refusal(status, error.as_ref().map(|error| &*error.kind))));
                }
                None => return Err(Failure::NotSent("proxy: it does not answer in HTTP".to_owned())),
            }
        }
    }
}

/// Reads the head of an answer, byte by byte: the bytes after the head of the last one are the receiver's.
async fn read_head(wire: &mut Wire, room: &mut usize) -> Result<String, Failure> {
    let mut head = vec![];
    while !head.ends_with(b"\n\r\n") && !head.ends_with(b"\n\n") {
        *room = room
            .checked_sub(1)
            .ok_or_else(|| Failure::NotSent("proxy: its answer is too long".to_owned()))?;
        head.push(wire.read_u8().await.map_err(|error| broke(&error))?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn broke(error: &std::io::Error) -> Failure {
    Failure::NotSent(format!("proxy: {}", cause(error)))
}

fn status_of(line: &str) -> Option<u16> {
    let (version, rest) = line.split_once([' ', '\t'])?;
    let is_http = version.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("HTTP/"));
    let digits = rest.split_ascii_whitespace().next().filter(|word| word.len() == 3 && is_http)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn refusal(status: u16, error: Option<&str>) -> String {
    match error {
        Some(error) => format!("the proxy answered {status}: {error}"),
        None => format!("the proxy answered {status}"),
    }
}

/// Why an answer over `http` is the proxy's own, if it is: the receiver then has nothing of the request. A success is the answer of a
/// receiver, whatever `Proxy-Status` says.
pub(in crate::webhook) fn own_answer(status: u16, proxy_status: Option<&str>) -> Option<String> {
    // The proxy wants other credentials, and only a proxy says so (RFC 9110, 15.5.8).
    if status == 407 {
        return Some(refusal(status, Some("it wants other credentials")));
    }
    if matches!(status, 200..=299) {
        return None;
    }
    let error = proxy_status.and_then(ProxyError::of)?;
    error.is_before_the_request().then(|| refusal(status, Some(&error.kind)))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = vec![];
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let pair = (byte == b'%').then(|| Some([ahead.next()?, ahead.next()?])).flatten();
        let hex = pair.and_then(|pair| u8::from_str_radix(str::from_utf8(&pair).ok()?, 16).ok());
        decoded.push(hex.unwrap_or(byte));
        if hex.is_some() {
            bytes = ahead;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_the_proxys_own_if_it_says_that_it_did_not_reach_the_receiver() {
        for (status, field, own) in [
            (502, Some("proxy.test; error=connection_refused"), true),
            (
                504,
                Some("far.test; error=http_response_incomplete, near.test;error=dns_timeout; rcode=2"),
                true,
            ),
            (502, Some("far.test; error=dns_error, near.test"), false),
            (502, Some("proxy.test; error=connection_terminated"), false),
            (504, Some("proxy.test; error=connection_read_timeout"), false),
            (407, None, true),
            (502, None, false),
            (200, Some("proxy.test; error=connection_refused"), false),
            (502, Some(r#"proxy.test; error=connection_refused; details="a, b""#), true),
            (502, Some(r#"proxy.test; details="x; error=dns_error""#), false),
        ] {
            assert_eq!(own_answer(status, field).is_some(), own, "{status} {field:?}");
        }
    }

    #[test]
    fn an_answer_to_connect_has_a_status_of_three_digits() {
        for (line, status) in [
            ("HTTP/1.1 200 Connection established", Some(200)),
            ("http/1.0 502", Some(502)),
            ("HTTP/1.1  200 OK", Some(200)),
            ("HTTP/1.1 +200 OK", None),
            ("HTTP/1.1 0200 OK", None),
            ("HTTP/1.1", None),
            ("nonsense 200 OK", None),
            ("", None),
        ] {
            assert_eq!(status_of(line), status, "{line:?}");
        }
    }

    #[test]
    fn credentials_of_a_url_are_decoded() {
        let url = Url::parse("http://me%40home:a%3Ab%2@proxy.test:3128").unwrap();
        let proxy = Proxy::new(&url).unwrap();
        let pair = BASE64.decode(proxy.authorization().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(pair).unwrap(), "me@home:a:b%2");
    }
}
