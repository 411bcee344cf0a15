//! What receivers are allowed, so that none holds up the timers of others.

use anyhow::{Result, bail};
use clap::Args;

use super::parse;
use rules::receivers::{ReceiverLimit, Rules};

/// What receivers are allowed.
#[derive(Debug, Args)]
pub(crate) struct ReceiverSettings {
    /// Maximum number of concurrent calls from this node to one receiver (host and port); below it, the number adapts to
    /// how long calls take; 1 to 16384
    #[arg(long, env = "JETTIMER_MAX_CALLS_PER_RECEIVER", value_name = "COUNT", default_value = "128",
          value_parser = parse::number(1, 16_384))]
    pub(crate) max_calls_per_receiver: usize,

    /// Limit for a receiver across all nodes: a rate, a number of concurrent calls, or both, such as
    /// api.example.com=100/s,10 or hooks.example.com:8443=,4; repeatable; in the environment, separated by spaces
    #[arg(long, env = "JETTIMER_RECEIVER_LIMIT", value_name = "LIMIT", value_delimiter = ' ')]
    pub(crate) receiver_limit: Vec<ReceiverLimit>,

    /// Failures in a row that open the circuit breaker of a receiver, of one of its paths, or of paths that look alike; 0
    /// for never; up to 1000000
    #[arg(long, env = "JETTIMER_BREAKER_FAILURES", value_name = "COUNT", default_value = "20",
          value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) breaker_failures: u32,
}

impl ReceiverSettings {
    /// The rules, those of a port before those of its host.
    ///
    /// # Errors
    ///
    /// If a receiver has two limits, of which one would never count.
    pub(crate) fn rules(&self) -> Result<Rules> {
        let mut limits = self.receiver_limit.clone();
        limits.sort_by(|one, other| {
            let key =
                |limit: &ReceiverLimit| (limit.receiver().port().is_none(), limit.receiver().to_string());
            key(one).cmp(&key(other))
        });
        let twice = limits.windows(2).find(|pair| pair[0].receiver() == pair[1].receiver());
        if let Some([limit, _]) = twice {
            let receiver = limit.receiver();
            bail!(
                "--receiver-limit has two limits for {receiver}: write them as one, such as {receiver}=100/s,10"
            );
        }
        Ok(Rules {
            parallelism: self.max_calls_per_receiver,
            breaker_failures: self.breaker_failures,
            limits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(limits: &[&str]) -> Result<Rules> {
        let receiver_limit = limits.iter().map(|limit| limit.parse().unwrap()).collect();
        ReceiverSettings { max_calls_per_receiver: 1, receiver_limit, breaker_failures: 1 }.rules()
    }

    #[test]
    fn a_limit_of_a_port_counts_before_that_of_its_host_and_no_receiver_has_two() {
        let read = rules(&["example.com=1/s", "a.example=,4", "example.com:8443=,3"]).unwrap();
        assert_eq!(read.limits[0].receiver().to_string(), "example.com:8443");
        let why = rules(&["example.com=1/s", "x=,4", "EXAMPLE.com.=,3"]).unwrap_err().to_string();
        assert!(why.contains("two limits for example.com"), "{why}");
    }
}
