//! Settings of how receivers are reached, and which of them may be.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::BoolishValueParser;
use url::Url;

use super::hushed::Hushed;
use super::parse;
use crate::webhook::{Identity, Secrets, Settings};
use rules::policy::{Policy, Rule};

/// What `dev` opens beside what it is told: receivers that are tried out are on the same machine.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1"];

/// How receivers are reached.
#[derive(Debug, Args)]
pub(crate) struct Targets {
    /// Targets to allow that are refused by default: networks (10.0.0.0/8), for some names only (.corp@10.0.0.0/8), with
    /// ports (:8080, :8000-8999); separated by commas
    #[arg(long, env = "JETTIMER_ALLOW_TARGETS", value_name = "RULES", value_delimiter = ',')]
    allow_targets: Vec<Rule>,

    /// Targets that are never called, even if allowed: names (a.example.com; .example.com with all below), networks,
    /// ports (*:9000); separated by commas
    #[arg(long, env = "JETTIMER_DENY_TARGETS", value_name = "RULES", value_delimiter = ',')]
    deny_targets: Vec<Rule>,

    /// Refuse every target that --allow-targets does not list
    #[arg(long, env = "JETTIMER_ONLY_ALLOWED_TARGETS", value_parser = BoolishValueParser::new())]
    only_allowed_targets: bool,

    /// DNS servers to look up receivers with, separated by commas; default: those of the system
    #[arg(long, env = "JETTIMER_DNS_SERVER", value_name = "ADDR[:PORT]", value_delimiter = ',',
          value_parser = dns_server)]
    dns_server: Vec<SocketAddr>,

    /// CA certificates to trust for receivers in addition to the system's, as PEM
    #[arg(long, env = "JETTIMER_TARGET_CA", value_name = "FILE")]
    target_ca: Option<PathBuf>,

    /// Client certificate and key, as PEM, for some receivers (mutual TLS): .example.com=cert.pem,key.pem; repeatable, or
    /// separated by semicolons
    #[arg(long, env = "JETTIMER_TARGET_IDENTITY", value_name = "TARGET=CERT,KEY", value_delimiter = ';',
          value_parser = identity)]
    target_identity: Vec<Identity>,

    /// An HTTP proxy that all calls go through, such as http://user:password@proxy:3128; default: none; the environment's
    /// proxy variables are ignored
    #[arg(long, env = "JETTIMER_EGRESS_PROXY", value_name = "URL", hide_env_values = true,
          value_parser = Hushed(proxy))]
    egress_proxy: Option<Url>,

    /// Timeout for connecting to a receiver, at most four fifths of the time that its response may take; 10ms to 1m
    #[arg(long, env = "JETTIMER_CONNECT_TIMEOUT", value_name = "DURATION", default_value = "10s",
          value_parser = parse::span(Duration::from_millis(10), Duration::from_secs(60)))]
    connect_timeout: Duration,

    /// Timeout for the first byte of a receiver's response; 10ms to 10m; default: the timer's timeout
    #[arg(long, env = "JETTIMER_FIRST_BYTE_TIMEOUT", value_name = "DURATION",
          value_parser = parse::span(Duration::from_millis(10), Duration::from_secs(600)))]
    first_byte_timeout: Option<Duration>,
}

impl Targets {
    /// What calls are made with; `dev` calls receivers on its own machine.
    ///
    /// # Errors
    ///
    /// If the rules make no sense together.
    pub(crate) fn settings(&self, secrets: Secrets, dev: bool) -> Result<Settings> {
        let mut policy =
            Policy::new(self.allow_targets.clone(), self.deny_targets.clone(), self.only_allowed_targets)
                .map_err(anyhow::Error::msg)?;
        if dev {
            policy.open(LOOPBACK.iter().filter_map(|net| net.parse().ok()));
        }
        Ok(Settings {
            policy: Arc::new(policy),
            secrets,
            dns_servers: self.dns_server.clone(),
            ca: self.target_ca.clone(),
            identities: self.target_identity.clone(),
            proxy: self.egress_proxy.clone(),
            connect_timeout: self.connect_timeout,
            first_byte_timeout: self.first_byte_timeout,
        })
    }
}

fn dns_server(text: &str) -> Result<SocketAddr, String> {
    const PORT: u16 = 53;
    let text = text.trim();
    text.parse::<SocketAddr>()
        .or_else(|_| text.parse::<IpAddr>().map(|address| SocketAddr::new(address, PORT)))
        .map_err(|_| "must be an address such as 10.0.0.2, 10.0.0.2:5353 or [fd00::2]:5353".to_owned())
}

fn identity(text: &str) -> Result<Identity, String> {
    const FORM: &str = "must be TARGET=CERT,KEY, such as .example.com=cert.pem,key.pem";
    let (receivers, files) = text.trim().split_once('=').ok_or(FORM)?;
    let (cert, key) = files.split_once(',').ok_or(FORM)?;
    Ok(Identity { receivers: receivers.parse()?, cert: cert.into(), key: key.into() })
}

fn proxy(text: &str) -> Result<Url, String> {
    match Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) | Err(_) => Err("must be http://HOST:PORT or https://HOST:PORT".to_owned()),
    }
}
