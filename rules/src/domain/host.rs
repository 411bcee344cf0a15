//! A host as people name it in a filter or a rule, in the form in which hosts are compared. That is the form that the URL
//! standard gives to the host of a target, without a dot at its end, and with an IPv4 address in IPv4 form.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use super::target::TargetUrl;

/// A host, and its port if the filter or rule is about that port only. It prints as `example.com`, `example.com:8443` or
/// `[::1]:8080`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    host: String,
    port: Option<u16>,
}

impl HostPort {
    /// The host in its normal form.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if the filter or rule is about that port only.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The same host, with any port.
    pub fn of_any_port(&self) -> Self {
        Self { host: self.host.clone(), port: None }
    }

    /// The host and port of an authority, as [`TargetUrl::authority`] prints it.
    pub fn of_authority(authority: &str) -> Self {
        let parts = authority.rsplit_once(':');
        let port = parts.and_then(|(_, port)| number(port));
        Self { host: parts.map_or(authority, |(host, _)| host).to_owned(), port }
    }

    /// Whether the URL has this host, and this port if there is one.
    pub fn fits(&self, url: &TargetUrl) -> bool {
        self.port.is_none_or(|port| port == url.port()) && self.host == url.host_name()
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// Prints the text in quotes: cursors of lists are made of it.
impl fmt::Debug for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl FromStr for HostPort {
    type Err = String;

    /// Reads a host in any spelling that a URL may have: in capitals, in Unicode, with a dot at its end, an IPv6 address with
    /// or without brackets, an IPv4 address as a number.
    ///
    /// # Errors
    ///
    /// A sentence that follows the name of the field, if no URL has such a host.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str =
            "a host is a name or an address, such as example.com, example.com:8443, 10.0.0.5 or [::1]:8080";
        let text = text.trim();
        if text.is_empty() {
            return Err(format!("is empty; {FORM}"));
        }
        if text.contains(['/', '\\', '?', '#', '@']) {
            return Err(format!("is more than a host; {FORM}, without a scheme, a user or a path"));
        }
        if text.contains('*') {
            return Err(format!("contains a *, and patterns are not supported here; {FORM}"));
        }
        let (host, port) = parts(text).ok_or_else(|| format!("is not a host; {FORM}"))?;
        let port =
            port.map(|port| number(port).ok_or_else(|| format!("has no port after its colon; {FORM}")));
        let host = Host::parse(&host).map_err(|error| format!("is not a host: {error}; {FORM}"))?;
        let host = Url::parse(&format!("http://{host}/"))
            .ok()
            .map(|url| normal(&url).into_owned())
            .filter(|host| !host.is_empty())
            .ok_or_else(|| format!("is not a host; {FORM}"))?;
        Ok(Self { host, port: port.transpose()? })
    }
}

/// The host of a URL in its normal form, an IPv6 address in brackets.
pub(super) fn normal(url: &Url) -> Cow<'_, str> {
    let mapped = match url.host() {
        Some(Host::Ipv6(address)) => address.to_ipv4_mapped(),
        Some(Host::Ipv4(_) | Host::Domain(_)) | None => None,
    };
    match mapped {
        Some(address) => Cow::Owned(address.to_string()),
        // Every http and https URL has a host.
        None => Cow::Borrowed(url.host_str().unwrap_or_default().trim_end_matches('.')),
    }
}

/// The host as it is written in a URL, and the port.
fn parts(text: &str) -> Option<(Cow<'_, str>, Option<&str>)> {
    if let Some(inside) = text.strip_prefix('[') {
        let end = inside.find(']')? + 2;
        return match text[end..].strip_prefix(':') {
            Some(port) => Some((text[..end].into(), Some(port))),
            None => text[end..].is_empty().then(|| (text.into(), None)),
        };
    }
    match text.split_once(':') {
        None => Some((text.into(), None)),
        Some((host, port)) if !port.contains(':') => Some((host.into(), Some(port))),
        // An IPv6 address without brackets, which has no port.
        Some(_) => Some((format!("[{text}]").into(), None)),
    }
}

fn number(port: &str) -> Option<u16> {
    port.parse().ok().filter(|number| *number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        text.parse::<HostPort>().unwrap().to_string()
    }

    #[test]
    fn a_host_is_the_same_however_it_is_written() {
        for (normal, spellings) in [
            (
                "example.com",
                &["example.com", "EXAMPLE.com", "example.com.", " example.com ", "ex%61mple.com"][..],
            ),
            ("example.com:443", &["Example.com:443", "example.com.:0443"]),
            (
                "xn--bcher-kva.example",
                &["b\u{fc}cher.example", "B\u{dc}CHER.example", "xn--bcher-kva.example."],
            ),
            (
                "127.0.0.1",
                &[
                    "127.0.0.1",
                    "127.1",
                    "0x7f.1",
                    "2130706433",
                    "127.0.0.1.",
                    "::ffff:127.0.0.1",
                    "[::ffff:7f00:1]",
                ],
            ),
            ("127.0.0.1:9000", &["127.1:9000", "[::ffff:127.0.0.1]:9000"]),
            ("[::1]", &["::1", "[::1]", "[0:0:0:0:0:0:0:1]", "0:0:0:0:0:0:0:1"]),
            ("[::1]:8080", &["[::1]:8080", "[0::1]:8080"]),
            ("my_service", &["my_service", "MY_SERVICE"]),
        ] {
            for text in spellings {
                assert_eq!(read(text), normal, "{text}");
            }
        }
    }

    #[test]
    fn what_no_url_has_as_its_host_is_refused() {
        for (text, why) in [
            ("", "is empty"),
            ("  ", "is empty"),
            ("https://example.com", "more than a host"),
            ("example.com/", "more than a host"),
            ("me@example.com", "more than a host"),
            ("*.example.com", "patterns are not supported"),
            ("*", "patterns are not supported"),
            (".", "is not a host"),
            ("a b", "is not a host"),
            ("[::1", "is not a host"),
            ("[::1]x", "is not a host"),
            ("::1:99999", "is not a host"),
            ("256.0.0.1", "is not a host"),
            ("1.2.3.4.5", "is not a host"),
            (":80", "is not a host"),
            ("example.com:", "no port"),
            ("example.com:0", "no port"),
            ("example.com:+80", "no port"),
            ("example.com:65536", "no port"),
            ("example.com:https", "no port"),
        ] {
            let error = text.parse::<HostPort>().unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_port_is_that_which_is_connected_to() {
        for (rule, url, fits) in [
            ("example.com", "https://example.com.:8443/", true),
            ("example.com:443", "https://EXAMPLE.com/", true),
            ("example.com:443", "http://example.com/", false),
            ("example.com:80", "http://example.com/", true),
            ("127.1", "http://[::ffff:127.0.0.1]:9000/", true),
            ("::1", "http://[0:0::1]/", true),
            ("a.example.com", "http://example.com/", false),
        ] {
            let rule: HostPort = rule.parse().unwrap();
            assert_eq!(rule.fits(&TargetUrl::parse(url).unwrap()), fits, "{rule} {url}");
        }
    }

    proptest! {
        #[test]
        fn the_host_of_any_url_is_found_by_itself(host in "[a-zA-Z0-9.:_\u{e4}\u{df}%\\[\\]-]{1,20}") {
            let url = TargetUrl::parse(&format!("http://{host}/"));
            // The host of `http://./` has no name.
            if let Some(url) = url.ok().filter(|url| !url.host_name().is_empty()) {
                let named: HostPort = url.authority().parse().unwrap();
                prop_assert!(named.fits(&url), "{}", url.as_url());
                prop_assert_eq!(named.to_string(), url.authority());
                prop_assert_eq!(HostPort::of_authority(&url.authority()), named);
                let named: HostPort = url.host().parse().unwrap();
                prop_assert!(named.fits(&url), "{}", url.as_url());
            }
            let _ = host.parse::<HostPort>();
        }
    }
}
