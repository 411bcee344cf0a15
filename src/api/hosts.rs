//! The names by which a node may be addressed, if no token says who sends a request.
//!
//! A page of any site can make its own name resolve to this machine (DNS rebinding). To the browser, the node's answers then belong to the
//! page's own origin, and the page may send any request. But the request still says which name it is for. An address cannot be rebound, and
//! the browser itself resolves `localhost`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use warp::http::header::HOST;
use warp::http::{HeaderMap, HeaderValue};

/// The most characters of a name in DNS.
const MAX_NAME: usize = 253;

/// The names of a node.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: Vec<String>,
    /// Whether any other name is refused.
    are_checked: bool,
}

impl FromStr for Hosts {
    type Err = String;

    /// Reads names, separated by commas; an empty text allows every name.
    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<String> = text
            .split(',')
            .map(|name| name.trim().trim_end_matches('.').to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        let is_name = |name: &&String| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            name.len() <= MAX_NAME && name.bytes().all(fits)
        };
        if let Some(bad) = names.iter().find(|name| !is_name(name)) {
            return Err(format!("{bad:?} is not a host name: write it without port, like timers.internal"));
        }
        Ok(Self { are_checked: !names.is_empty(), names })
    }
}

impl Hosts {
    /// Refuses any other name, even if no name was given.
    #[must_use]
    pub fn checked(self) -> Self {
        Self { are_checked: true, ..self }
    }

    /// The name that a request is for, if the node does not have that name. A request without a name does not come from a browser.
    pub(super) fn foreign<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        if !self.are_checked {
            return None;
        }
        let hosts = headers.get_all(HOST).into_iter().map(|host: &HeaderValue| host.to_str().unwrap_or("?"));
        let mut hosts = hosts.filter(|host| !self.is_ours(without_port(host)));
        hosts.next()
    }

    fn is_ours(&self, host: &str) -> bool {
        let bare = host.trim_end_matches('.').to_ascii_lowercase();
        let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        in_brackets.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
            || host.parse::<Ipv4Addr>().is_ok()
            || bare == "localhost"
            || bare.ends_with(".localhost")
            || self.names.contains(&bare)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(names: &str, host: &str) -> bool {
        let hosts: Hosts = names.parse().unwrap();
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).unwrap())]);
        hosts.checked().foreign(&headers).is_some()
    }

    #[test]
    fn addresses_and_local_names_and_those_that_were_given_are_ours() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8000",
            "[::1]:8000",
            "[fd00::7]",
            "192.168.1.2:80",
            "localhost",
            "LOCALHOST.:8000",
            "app.localhost:8000",
            "Timers.Internal",
            "timers.internal.:8000",
        ] {
            assert!(!foreign("timers.internal, other", host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8000",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "127.1",
            "2130706433",
            "::1",
            "[evil.example]",
            "internal",
            "a.timers.internal",
            "",
            ":8000",
            "localhost@evil.example",
        ] {
            assert!(foreign("timers.internal", host), "{host}");
        }
    }

    #[test]
    fn without_names_only_a_node_that_checks_them_refuses_any() {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("evil.example"))]);
        let nobody = HeaderMap::new();
        let open: Hosts = "".parse().unwrap();
        assert!(open.foreign(&headers).is_none());
        assert_eq!(open.clone().checked().foreign(&headers), Some("evil.example"));
        assert!(open.checked().foreign(&nobody).is_none());
        let given: Hosts = "timers.internal".parse().unwrap();
        assert!(given.foreign(&headers).is_some());
        assert!("http://a".parse::<Hosts>().is_err() && "a:80".parse::<Hosts>().is_err());
    }
}
