//! One rule of a list of targets, as people write it.
//!
//! ```text
//! rule := [ NAME "@" ] NET [ ":" PORTS ]  |  NAME [ ":" PORTS ]
//! NAME := hooks.example.com | .example.com (it and all below) | *
//! NET  := 10.0.0.5 | 10.0.0.0/8 | fd00::/8, in brackets if ports follow: [fd00::/8]:8080
//! PORTS := 8080 | 8000-8999
//! ```

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;
use url::Host;

use super::{Destination, ports};

/// The hosts that a rule means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// Every host, including IP addresses.
    Any,
    Is(String),
    /// This host and all hosts below it.
    Under(String),
}

/// A host name, a network and ports; a target must fit all that are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    text: String,
    name: Name,
    net: Option<IpNet>,
    ports: Option<RangeInclusive<u16>>,
}

impl Rule {
    /// Whether the rule means this host and port, at some address.
    pub(super) fn fits_host(&self, host: &Host<String>, port: u16) -> bool {
        self.fits_name(host) && self.ports.as_ref().is_none_or(|ports| ports.contains(&port))
    }

    /// Whether the rule means the host and port of a URL, be the host a name or an address.
    pub fn fits_url(&self, to: &Destination) -> bool {
        let address = to.literal();
        self.fits_host(&to.host, to.port)
            && address.map_or(self.net.is_none(), |address| self.fits_address(address))
    }

    /// Whether the rule's networks, if it has any, contain the address.
    pub(super) fn fits_address(&self, address: IpAddr) -> bool {
        self.net.is_none_or(|net| net.contains(&address.to_canonical()))
    }

    /// Whether the rule is about addresses, and not only about names.
    pub(super) fn has_net(&self) -> bool {
        self.net.is_some()
    }

    /// Whether the rule names ports.
    pub(super) fn has_ports(&self) -> bool {
        self.ports.is_some()
    }

    /// The rule's meaning, in one spelling.
    pub(super) fn meaning(&self) -> String {
        let name = match &self.name {
            Name::Any => "*".to_owned(),
            Name::Is(name) => name.clone(),
            Name::Under(name) => format!(".{name}"),
        };
        let net = self.net.map_or_else(|| "any".to_owned(), |net| net.trunc().to_string());
        let ports = self
            .ports
            .as_ref()
            .map_or_else(|| "all".to_owned(), |ports| format!("{}-{}", ports.start(), ports.end()));
        format!("{name}@{net}:{ports}")
    }

    fn fits_name(&self, host: &Host<String>) -> bool {
        match (&self.name, host) {
            (Name::Any, _) => true,
            (Name::Is(name), Host::Domain(host)) => name == host,
            (Name::Under(name), Host::Domain(host)) => {
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Name::Is(_) | Name::Under(_), Host::Ipv4(_) | Host::Ipv6(_)) => false,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (name, rest) = match text.split_once('@') {
            Some((name, rest)) => (Some(name), rest),
            None => (None, text),
        };
        let (place, ports) = split_ports(rest);
        let ports = ports.map(ports::parse).transpose()?;
        let net = parse_net(place);
        let name = match (name, &net) {
            (Some(_), None) => return Err(format!("{place:?} after @ is not an address or network")),
            (Some(name), Some(_)) => parse_name(name)?,
            (None, Some(_)) => Name::Any,
            (None, None) => parse_name(place)?,
        };
        Ok(Self { text: text.to_owned(), name, net, ports })
    }
}

/// Takes `:PORTS` off the end, which an IPv6 address without brackets cannot have.
fn split_ports(text: &str) -> (&str, Option<&str>) {
    if let Some((inside, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        // The form `[fd00::]/8` occurs, too.
        return match after.strip_prefix(':') {
            Some(ports) => (inside, Some(ports)),
            None if after.is_empty() => (inside, None),
            None => (text, None),
        };
    }
    match text.split_once(':') {
        Some((place, ports)) if !ports.contains(':') => (place, Some(ports)),
        _ => (text, None),
    }
}

fn parse_net(text: &str) -> Option<IpNet> {
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    // An IPv4 network in mapped form is that IPv4 network.
    Some(match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
            Some(v4) => ipnet::Ipv4Net::new(v4, v6.prefix_len() - 96).map_or(net, IpNet::V4),
            None => net,
        },
        IpNet::V4(_) | IpNet::V6(_) => net,
    })
}

fn parse_name(text: &str) -> Result<Name, String> {
    if text == "*" {
        return Ok(Name::Any);
    }
    let bare = text.strip_prefix('.').unwrap_or(text);
    match Host::parse(bare) {
        // A name of dots alone would mean no host, or every host.
        Ok(Host::Domain(name)) if !name.contains('*') && !name.trim_end_matches('.').is_empty() => {
            let name = name.trim_end_matches('.').to_owned();
            Ok(if bare.len() == text.len() { Name::Is(name) } else { Name::Under(name) })
        }
        _ => Err(format!(
            "{text:?} is not a target: allowed are host names (hooks.example.com, .example.com for all below, *), \
             addresses and networks (10.0.0.0/8, [fd00::]), a name and a network joined by @, and :PORT or :FIRST-LAST \
             after any of them"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(rule: &str, host: &str, port: u16, address: &str) -> bool {
        let rule: Rule = rule.parse().unwrap();
        rule.fits_host(&Host::parse(host).unwrap(), port) && rule.fits_address(address.parse().unwrap())
    }

    #[test]
    fn a_rule_fits_by_name_network_and_port_together() {
        for (rule, host, port, address, fitting) in [
            ("hooks.example.com", "hooks.example.com", 443, "1.1.1.1", true),
            ("HOOKS.example.com.", "hooks.example.com", 443, "1.1.1.1", true),
            ("hooks.example.com", "a.hooks.example.com", 443, "1.1.1.1", false),
            (".example.com", "example.com", 443, "1.1.1.1", true),
            (".example.com", "a.b.example.com", 443, "1.1.1.1", true),
            (".example.com", "badexample.com", 443, "1.1.1.1", false),
            ("bücher.example", "xn--bcher-kva.example", 443, "1.1.1.1", true),
            ("*:8443", "anything", 8443, "1.1.1.1", true),
            ("*:8443", "anything", 443, "1.1.1.1", false),
            ("10.0.0.0/8", "10.1.2.3", 80, "10.1.2.3", true),
            ("10.0.0.0/8", "name", 80, "10.1.2.3", true),
            ("10.0.0.0/8", "name", 80, "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "name", 80, "10.1.2.3", true),
            ("10.0.0.5", "name", 80, "10.0.0.6", false),
            ("10.0.0.0/8:8000-8999", "name", 8500, "10.1.2.3", true),
            ("10.0.0.0/8:8000-8999", "name", 9000, "10.1.2.3", false),
            ("[fd00::/8]:8080", "name", 8080, "fd12::1", true),
            ("fd00::/8", "[fd12::1]", 8080, "fd12::1", true),
            (".corp@10.0.0.0/8:80", "a.corp", 80, "10.1.1.1", true),
            (".corp@10.0.0.0/8:80", "a.corp", 80, "11.1.1.1", false),
            (".corp@10.0.0.0/8:80", "a.example", 80, "10.1.1.1", false),
            ("localhost", "127.0.0.1", 80, "127.0.0.1", false),
        ] {
            assert_eq!(fits(rule, host, port, address), fitting, "{rule} {host}:{port} at {address}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused_with_what_is_allowed() {
        for (bad, why) in [
            ("", "allowed are"),
            ("a b", "allowed are"),
            ("*.example.com", "allowed are"),
            ("10.0.0.0/33", "allowed are"),
            ("http://example.com", "port"),
            ("example.com:0", "port"),
            ("example.com:9-1", "port"),
            ("example.com@example.org", "after @"),
            ("0x7f.1", "allowed are"),
            ("..", "allowed are"),
            (".@10.0.0.0/8", "allowed are"),
        ] {
            let error = bad.parse::<Rule>().unwrap_err();
            assert!(error.contains(why), "{bad:?}: {error}");
        }
    }
}
