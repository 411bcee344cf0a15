//! The flags of `jettimer bench`, and the checks that one flag alone cannot make.
//!
//! It opens nothing and sends nothing: a run that cannot work is refused before the first socket.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use hyper::Uri;

use crate::commands::client::{Access, Server};
use crate::commands::options::{Chosen, Surroundings};

/// Upper end of --timers: matching takes about 70 bytes per timer, so this many fit in a gigabyte.
const MOST_TIMERS: u64 = 10_000_000;

/// Upper end of --connections: one address has about 28,000 ports to connect from, and the webhooks come over
/// others.
const MOST_CONNECTIONS: i64 = 20_000;

/// Upper end of --rate, in timers per second: at more, a send every microsecond is shorter than the clock can
/// pace.
const HIGHEST_RATE: i64 = 1_000_000;

/// Upper end of --per-request: a node takes no more in one request.
const MOST_PER_REQUEST: i64 = 1_000;

/// Load generator: creates timers, receives their webhooks, and prints rates, lateness and what went wrong.
#[derive(Debug, Clone, clap::Args)]
pub struct Bench {
    /// API node, http only; default: the profile's, or else http://127.0.0.1:8000. Repeat or separate by commas:
    /// connections are spread over them in turn.
    #[arg(long, env = "JETTIMER_SERVER", value_name = "URL", value_delimiter = ',')]
    server: Vec<Server>,

    #[command(flatten)]
    chosen: Chosen,

    /// How many timers to create, 1 to 10,000,000.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=MOST_TIMERS))]
    pub(super) timers: u64,

    /// Delay of each timer from its own creation, such as 10s or 1h 30m.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = crate::foundation::duration::parse)]
    pub(super) due_in: Duration,

    /// Make all timers due at one instant, this long after the start. It is an error if creating them takes
    /// longer.
    #[arg(long, value_name = "DURATION", conflicts_with = "due_in", value_parser = crate::foundation::duration::parse)]
    pub(super) due_together: Option<Duration>,

    /// Open loop: send this many creates per second on a fixed schedule, 1 to 1,000,000, and measure latency
    /// from the scheduled instant. Without it (closed loop) every connection sends its next create as soon as
    /// it has the answer.
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=HIGHEST_RATE))]
    pub(super) rate: Option<u32>,

    /// Connections that create timers, 1 to 20,000.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=MOST_CONNECTIONS))]
    pub(super) connections: u32,

    /// Create this many timers with each request, 1 to 1,000; --timers must be a multiple of it. The latency of a timer is that of its
    /// request.
    #[arg(long, value_name = "COUNT", default_value_t = 1, conflicts_with = "rate")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=MOST_PER_REQUEST))]
    pub(super) per_request: u32,

    /// Delivery that the timers ask for. With at_most_once a duplicate fails the run.
    #[arg(long, value_enum, default_value_t = Delivery::AtMostOnce)]
    pub(super) delivery: Delivery,

    /// Measure creation only and wait for no webhooks; for timers that are due long after the run, such as
    /// --due-in 1h.
    #[arg(long)]
    pub(super) create_only: bool,

    /// Answer each webhook this long after it came in.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = crate::foundation::duration::parse)]
    pub(super) hook_delay: Duration,

    /// How long after the last due instant to wait for webhooks that have not come.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = crate::foundation::duration::parse)]
    pub(super) wait: Duration,

    /// How long to stay for duplicates once every webhook has come.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = crate::foundation::duration::parse)]
    pub(super) settle: Duration,

    /// Address on which the webhooks are received; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(super) sink_listen: SocketAddr,

    /// Base URL under which the service reaches the address above, if that differs; /hook is added to it.
    #[arg(long, value_name = "URL")]
    pub(super) sink_url: Option<Uri>,

    /// Form of the result on standard output.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(super) output: Output,

    /// Print resident memory of this process at the start, at the end and at its peak (Linux). Repeat for
    /// several.
    #[arg(long, value_name = "PID")]
    pub(super) max_rss_pid: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Delivery {
    AtMostOnce,
    AtLeastOnce,
}

impl Delivery {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at_most_once",
            Self::AtLeastOnce => "at_least_once",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Text,
    Json,
}

impl Bench {
    /// Refuses what each flag allows and all flags together do not.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            !(self.sink_listen.ip().is_unspecified() && self.sink_url.is_none()),
            "--sink-listen {} is not an address that can be called: set --sink-url to where the service reaches it",
            self.sink_listen
        );
        if let Some(url) = &self.sink_url {
            ensure!(
                url.scheme().is_some() && url.host().is_some(),
                "--sink-url {url} is not an absolute URL"
            );
            ensure!(url.query().is_none(), "--sink-url {url} has a query, so no path can be added to it");
        }
        if let (Some(rate), Some(together)) = (self.rate, self.due_together) {
            let needed = Duration::from_secs_f64(self.timers as f64 / f64::from(rate));
            ensure!(
                needed < together,
                "--timers {} at --rate {rate} take {:.1} s to create: --due-together must be longer",
                self.timers,
                needed.as_secs_f64()
            );
        }
        if self.create_only && self.due_together.is_some() {
            bail!("--create-only does not wait for the instant that --due-together asks for: use --due-in");
        }
        ensure!(
            self.timers.is_multiple_of(self.per_request.into()),
            "--timers {} is not a multiple of --per-request {}",
            self.timers,
            self.per_request
        );
        usize::try_from(self.timers).context("--timers is more than this machine can count")?;
        Ok(())
    }

    /// The nodes that are measured.
    ///
    /// # Errors
    ///
    /// If a profile or a token cannot be had.
    pub fn accesses(&self, around: &Surroundings) -> anyhow::Result<Vec<Access>> {
        self.chosen.accesses(&self.server, around)
    }

    /// Where the service is to send the webhooks, when the sink listens on the address given.
    pub(super) fn hook(&self, listening: SocketAddr) -> String {
        match &self.sink_url {
            Some(base) => format!("{}/hook", base.to_string().trim_end_matches('/')),
            None => format!("http://{listening}/hook"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: Bench,
    }

    fn parse(flags: &str) -> anyhow::Result<Bench> {
        let bench = Line::try_parse_from(format!("bench {flags}").split_whitespace())?.bench;
        bench.check().map(|()| bench)
    }

    #[test]
    fn no_flags_at_all_are_a_run() {
        let bench = parse("").unwrap();
        assert_eq!((bench.timers, bench.connections, bench.rate), (10_000, 64, None));
        assert_eq!(bench.hook("127.0.0.1:9".parse().unwrap()), "http://127.0.0.1:9/hook");
    }

    #[test]
    fn servers_may_be_repeated_or_separated_by_commas() {
        assert_eq!(parse("--server http://a,http://b:81 --server http://c").unwrap().server.len(), 3);
    }

    #[test]
    fn the_public_name_of_the_sink_replaces_its_address() {
        let bench = parse("--sink-listen 0.0.0.0:9 --sink-url http://bench.internal:9/x/").unwrap();
        assert_eq!(bench.hook("0.0.0.0:9".parse().unwrap()), "http://bench.internal:9/x/hook");
    }

    #[test]
    fn flags_that_cannot_work_are_refused() {
        for flags in [
            "--server a:8000",
            "--timers 0",
            "--rate 0",
            "--connections 0",
            "--due-in 5s --due-together 5s",
            "--due-in soon",
            "--sink-listen 0.0.0.0:9",
            "--sink-url /hook",
            "--create-only --due-together 5s",
            "--timers 1000 --rate 100 --due-together 10s",
            "--per-request 1001 --timers 1001",
            "--per-request 7 --timers 10",
            "--per-request 10 --rate 10",
        ] {
            assert!(parse(flags).is_err(), "{flags} was let through");
        }
    }
}
