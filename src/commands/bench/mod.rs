//! `jettimer bench`: creates timers over HTTP, receives their webhooks, and reports rates, lateness and losses.
//!
//! It measures from outside, as a client does, and knows nothing of the service beyond its HTTP contract: no NATS, no metrics, no code of
//! the service. From `client` it takes only the addresses of the nodes and the token: a pool of connections would be measured with them. It
//! does not start or stop the service.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;

mod answer;
mod args;
mod clock;
mod creation;
mod json;
mod ledger;
mod load;
mod memory;
mod order;
mod pace;
mod progress;
mod report;
mod server;
mod sink;
mod spread;
mod tally;
mod text;
mod wire;

pub use args::Bench;

use crate::commands::client::Access;
use args::Output;
use ledger::Ledger;
use load::Load;
use order::Due;
use pace::Pace;
use report::Report;
use server::Server;
use sink::Sink;
use text::Text;
use wire::Wire;

/// Time between two checks whether every webhook has come: short compared with any run, and never part of a measured time.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Whether all promises were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every create was answered, and every webhook came as promised.
    Passed,
    /// Something was lost, early, refused or repeated, or the run was broken off.
    Failed,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::SUCCESS,
            Verdict::Failed => Self::FAILURE,
        }
    }
}

/// Runs the load against these nodes and prints the report. An error means that there was nothing to report; broken promises are a verdict.
///
/// It wants a single-threaded runtime: threads that wake each other for every request take the CPU from a service on the same machine, and
/// one is enough for some ten thousand timers a second.
pub async fn run(bench: Bench, nodes: &[Access]) -> anyhow::Result<Verdict> {
    bench.check()?;
    let servers = nodes.iter().map(Server::of).collect::<anyhow::Result<Vec<_>>>()?;
    let mut memory = memory::before(&bench.max_rss_pid)?;
    let ledger = Arc::new(Ledger::new(if bench.create_only { 0 } else { usize::try_from(bench.timers)? })?);
    let sink = Sink::start(bench.sink_listen, bench.hook_delay, Arc::clone(&ledger))?;
    let wires = load::connect(&servers, bench.connections).await?;
    let due = match bench.due_together {
        Some(after) => Due::Together { at_us: clock::wall_now().saturating_add(clock::micros(after)) },
        None => Due::In(bench.due_in),
    };
    let body = order::body(due, &bench.hook(sink.address), bench.delivery, bench.per_request);
    ledger.creation().start(clock::now());
    let pace = match bench.rate {
        Some(rate) => Pace::open(bench.timers, rate, bench.connections)?,
        None => Pace::closed(bench.timers / u64::from(bench.per_request)),
    };
    let load = Load {
        servers,
        due,
        body,
        per_request: bench.per_request as usize,
        pace,
        ledger: Arc::clone(&ledger),
        matching: !bench.create_only,
    };

    let was_interrupted = tokio::select! {
        measured = measure(&bench, load, wires, &ledger) => {
            measured?;
            false
        }
        interrupt = tokio::signal::ctrl_c() => {
            interrupt?;
            true
        }
        shown = progress::show(bench.timers, &ledger) => match shown? {},
    };

    memory::after(&mut memory);
    let report = Report::take(&bench, due, was_interrupted, clock::wall_now(), &ledger, memory);
    print(&report, bench.output)?;
    Ok(report.verdict())
}

async fn measure(bench: &Bench, load: Load, wires: Vec<Wire>, ledger: &Ledger) -> anyhow::Result<()> {
    let due = load.due;
    tokio::select! {
        sent = load::run(Arc::new(load), wires) => sent?,
        after = common_instant(due, bench.due_together) => bail!(
            "only {} of {} timers were created before the common due instant: --due-together must be longer than {}",
            ledger.creation().created,
            bench.timers,
            humantime::format_duration(after)
        ),
    }
    if !bench.create_only {
        await_webhooks(bench, ledger).await;
    }
    Ok(())
}

/// Ends at the common due instant of the timers; never if each timer has its own.
async fn common_instant(due: Due, after: Option<Duration>) -> Duration {
    let (Due::Together { at_us }, Some(after)) = (due, after) else {
        return std::future::pending().await;
    };
    tokio::time::sleep(Duration::from_micros(at_us.saturating_sub(clock::wall_now()))).await;
    after
}

/// Ends when every webhook has come or the last one is given up, and the time for duplicates and for delayed
/// answers is over.
async fn await_webhooks(bench: &Bench, ledger: &Ledger) {
    loop {
        let (everything_came, latest_due_us) = {
            let tally = ledger.tally();
            (tally.everything_came(), tally.latest_due_us())
        };
        if everything_came || clock::wall_now() >= latest_due_us.saturating_add(clock::micros(bench.wait)) {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    tokio::time::sleep(bench.settle.saturating_add(bench.hook_delay)).await;
}

fn print(report: &Report, output: Output) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match output {
        Output::Text => write!(out, "{}", Text(report))?,
        Output::Json => {
            writeln!(out, "{:#}", json::render(report))?;
            // If the output goes to a program, a person who watches still gets the reason.
            if report.verdict() == Verdict::Failed {
                writeln!(std::io::stderr(), "FAILED: {}", report.reasons().join(", "))?;
            }
        }
    }
    out.flush()?;
    Ok(())
}
