//! The limits of one receiver: the setting for all nodes together (`api.example.com=100/s`, `hooks.example.com:8443=10/s,4`,
//! `x=,4`), and one node's part of it.

use std::str::FromStr;
use std::time::Duration;

use crate::domain::host::HostPort;
use crate::domain::rate::Rate;

/// The highest limit of calls in progress at one receiver, for all nodes together.
const MAX_PARALLELISM: usize = 100_000;

/// The limits of one receiver for all nodes together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverLimit {
    /// A host, with or without a port.
    receiver: HostPort,
    /// The rate at which calls begin.
    pub rate: Option<Rate>,
    /// The most calls in progress.
    pub parallelism: Option<usize>,
}

impl ReceiverLimit {
    /// Whether the limit is for this host and port.
    pub fn is_for(&self, authority: &str) -> bool {
        let receiver = HostPort::of_authority(authority);
        self.receiver == receiver || self.receiver == receiver.of_any_port()
    }

    /// The host, and the port if the limit is only for that port.
    pub fn receiver(&self) -> &HostPort {
        &self.receiver
    }
}

/// The limits of a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The most calls at once, not counting long calls of other shapes; at least 1.
    pub parallelism: usize,
    /// The most calls at once in total; at least 1.
    pub most: usize,
    /// The time between the starts of two calls.
    pub space: Duration,
}

impl Limits {
    /// The limits of one of `nodes` that share these.
    pub fn shared(parallelism: Option<usize>, rate: Option<Rate>, nodes: usize) -> Self {
        let nodes = nodes.max(1);
        let space = rate.map_or(Duration::ZERO, |rate| rate.window() / rate.count());
        let nodes_u32 = u32::try_from(nodes).unwrap_or(u32::MAX);
        let most = parallelism.map_or(usize::MAX, |all| (all / nodes).max(1));
        Self { parallelism: most, most, space: space.saturating_mul(nodes_u32) }
    }
}

impl FromStr for ReceiverLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form =
            "a limit is HOST[:PORT]=RATE[,CALLS], such as api.example.com=100/s,10 or api.example.com=,10";
        let (receiver, limits) = text.trim().rsplit_once('=').ok_or(form)?;
        let (rate, parallelism) = limits.split_once(',').unwrap_or((limits, ""));
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let rate = given(rate).map(|rate| rate.parse()).transpose()?;
        let parallelism = given(parallelism)
            .map(|text| {
                let number = text.parse().ok().filter(|number| (1..=MAX_PARALLELISM).contains(number));
                number.ok_or_else(|| {
                    format!("the number of calls at once must be a whole number from 1 to {MAX_PARALLELISM}")
                })
            })
            .transpose()?;
        if rate.is_none() && parallelism.is_none() {
            return Err(form.to_owned());
        }
        let receiver: HostPort = receiver.parse().map_err(|why| format!("the host {receiver:?} {why}"))?;
        Ok(Self { receiver, rate, parallelism })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_and_is_for_its_receiver() {
        let limit: ReceiverLimit = "API.example.com=100/s,10".parse().unwrap();
        assert_eq!((limit.rate, limit.parallelism), (Some("100/s".parse().unwrap()), Some(10)));
        assert!(limit.is_for("api.example.com:443") && !limit.is_for("www.example.com:443"));
        let limit: ReceiverLimit = "[::1]:8000=,3".parse().unwrap();
        assert_eq!((limit.rate, limit.parallelism), (None, Some(3)));
        assert!(limit.is_for("[::1]:8000") && !limit.is_for("[::1]:8001"));
        for (rule, authority) in [
            ("b\u{fc}cher.example=1/s", "xn--bcher-kva.example:443"),
            ("example.com.=1/s", "example.com:80"),
            ("EXAMPLE.com:80=1/s", "example.com:80"),
            ("127.1=1/s", "127.0.0.1:8080"),
            ("[0::1]=1/s", "[::1]:80"),
        ] {
            assert!(rule.parse::<ReceiverLimit>().unwrap().is_for(authority), "{rule}");
        }
        for wrong in ["https://example.com=1/s", "*.example.com=1/s", "example.com/=1/s", "example.com:=1/s"]
        {
            assert!(wrong.parse::<ReceiverLimit>().unwrap_err().contains("the host"), "{wrong}");
        }
        for wrong in ["", "x", "x=", "x=,", "=1/s", "x=1", "x=1/s,0", "x=1/s,many", "x=,-1"] {
            assert!(wrong.parse::<ReceiverLimit>().is_err(), "{wrong}");
        }
    }
}
