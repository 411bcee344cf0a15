//! What receivers are allowed, so that none holds up the timers of others.

use clap::Args;

use super::parse;
use crate::receivers::{ReceiverLimit, Rules};

/// What receivers are allowed.
#[derive(Debug, Args)]
pub(crate) struct ReceiverSettings {
    /// How many calls this node makes at once to one receiver, a host and port, at most: within this, the number
    /// follows how long they take; 1 to 16384
    #[arg(long, env = "JETTIMER_MAX_CALLS_PER_RECEIVER", value_name = "COUNT", default_value = "128",
          value_parser = parse::number(1, 16_384))]
    pub(crate) max_calls_per_receiver: usize,

    /// What a receiver is allowed by all nodes together: a rate, calls at once, or both, such as
    /// api.example.com=100/s,10 or hooks.example.com:8443=,4;
    /// may be given several times, in the environment separated by spaces
    #[arg(long, env = "JETTIMER_RECEIVER_LIMIT", value_name = "LIMIT", value_delimiter = ' ')]
    pub(crate) receiver_limit: Vec<ReceiverLimit>,

    /// After how many failures in a row a receiver is left alone for a while; 0 for never; up to 1000000
    #[arg(long, env = "JETTIMER_BREAKER_FAILURES", value_name = "COUNT", default_value = "20",
          value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) breaker_failures: u32,
}

impl ReceiverSettings {
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            parallelism: self.max_calls_per_receiver,
            breaker_failures: self.breaker_failures,
            limits: self.receiver_limit.clone(),
        }
    }
}
