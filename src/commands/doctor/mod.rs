//! `jettimer doctor`: looks at the servers, the streams, the nodes and every timer, and says what is wrong and what to do.
//!
//! It changes nothing unless it is told to repair, and then it does the same as a sweep of a node. `broker` and `around` check everything
//! but the timers, `advice` explains each finding of a sweep, and `show` prints the report.

mod advice;
mod around;
mod broker;
mod late;
mod room;
mod setup;
mod show;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::commands::options;
use crate::foundation::clock::{Clock, Reference};
use crate::foundation::metrics::{Metrics, Parts};
use crate::nats::{self, Inspection, Keeping, Link, Shape, Store};
use crate::node::guard::Guard;
use crate::node::sweep::findings::Findings;
use crate::node::sweep::late::Late;
use crate::node::sweep::{Broom, Order};
use rules::durability::Level;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Something is wrong, and a person has to act.
    Finding,
    /// Something was wrong, and has been repaired.
    Repaired,
    /// The check could not be made.
    Unknown,
}

#[derive(Clone, Debug, Serialize)]
struct Check {
    name: String,
    status: Status,
    says: String,
    /// Their meaning and what to do, if there is anything to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    /// A few of the timers concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    timers: Vec<String>,
}

impl Check {
    fn ok(name: &str, says: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status: Status::Ok, says: says.into(), advice: None, timers: vec![] }
    }

    fn finding(name: &str, says: impl Into<String>, advice: &str) -> Self {
        Self { status: Status::Finding, advice: Some(advice.to_owned()), ..Self::ok(name, says) }
    }

    fn unknown(name: &str, says: impl Into<String>, advice: &str) -> Self {
        Self { status: Status::Unknown, advice: Some(advice.to_owned()), ..Self::ok(name, says) }
    }
}

#[derive(Debug, Serialize)]
struct Report {
    healthy: bool,
    checks: Vec<Check>,
}

/// Runs `jettimer doctor`: 0 if nothing is wrong, 1 if something is wrong, 2 if the doctor could not find out.
pub async fn run(args: options::Doctor) -> ExitCode {
    match Box::pin(examine(&args)).await {
        Ok(report) => {
            show::report(&report, args.output);
            if report.healthy { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            show::failure(&error);
            ExitCode::from(2)
        }
    }
}

async fn examine(args: &options::Doctor) -> Result<Report> {
    crate::foundation::crypto::install();
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), Parts::default()));
    let access = args.access()?;
    let link = nats::connect(&access, &metrics).await?;
    let shape = args.shape();
    if args.repair {
        // Creates everything that is missing, except the bucket; the checks below show other faults.
        if let Err(error) = Box::pin(nats::mend(&link, shape)).await {
            tracing::debug!(%error, "cannot create all missing streams and consumers");
        }
    }
    let inspection = Inspection::of(&link, shape).await?;
    let mut checks = broker::of_broker(&inspection, shape);
    let asked = shape.durability.unwrap_or(Level::of(shape.replicas));
    checks.extend(broker::of_durability(asked, nats::durability(&link, None).await.as_ref()));
    let ((of_nodes, troubles), of_clock) = tokio::join!(around::of_nodes(&link), around::of_clock(&link));
    checks.extend(of_nodes);
    checks.push(of_clock);
    checks.push(around::of_lease(&link).await);
    checks.push(around::of_ledger(&link).await);
    let stands = inspection.streams.iter().take(2).all(|stream| stream.there.is_some());
    checks.extend(if stands { of_timers(&link, metrics, args, Late::of(troubles)).await? } else { vec![] });
    let healthy = checks.iter().all(|check| check.status != Status::Finding);
    Ok(Report { healthy, checks })
}

/// Sweeps once, and repairs the damage if `--repair` is given.
async fn of_timers(
    link: &Link,
    metrics: Arc<Metrics>,
    args: &options::Doctor,
    late: Late,
) -> Result<Vec<Check>> {
    let (repair, grace) = (args.repair, args.sweep_grace);
    let findings = Findings::with_late(late);
    // Nothing is stored here, so nothing is retained.
    let store = Store::new(link.clone(), Keeping { retention: Duration::ZERO, until_swept: None });
    let clock = Clock::OF_THE_WORLD;
    // The nodes' clocks have a check of their own.
    let reference = Reference::new(Duration::MAX);
    let guard = Guard::new(link.clone(), clock, metrics, reference, None, None);
    let broom = Broom::new(link.clone(), store, guard, clock, grace);
    let order =
        Order { after_loss: false, repair, end_restored: false, find_orphans: true, count_late: true };
    Box::pin(broom.sweep(order, &findings)).await?;
    let late = late::of_late(&findings.late);
    let found = findings.found();
    if found.is_empty() {
        let says = format!("{} records, each with the wakes that it needs", findings.records());
        return Ok([vec![Check::ok("timers", says)], late].concat());
    }
    let found = found.into_iter().map(|(kind, tally)| advice::of(kind, &tally, repair));
    Ok(found.chain(late).collect())
}

impl options::Doctor {
    /// The shape in which the streams would be created.
    fn shape(&self) -> Shape {
        Shape { replicas: self.broker.replicas, durability: self.broker.durability.map(Into::into) }
    }
}
