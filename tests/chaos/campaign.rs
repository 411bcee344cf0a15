//! Many runs: several at the same time, each judged, and each failing list shortened as far as possible.

use std::path::PathBuf;
use std::time::Instant;

use futures_util::StreamExt as _;
use jettimer::app::embedded::{default_cache_dir, provision};

use crate::list::List;
use crate::oracle::judge;
use crate::plan::Plan;
use crate::report::{self, Tally};
use crate::rig::Programs;
use crate::run::run;
use crate::shrink;
use crate::support::spawn;

/// Runs a plan and returns an error with its violations, if there are any.
pub(crate) fn holds(plan: Plan) -> Result<(), String> {
    runtime().block_on(async {
        let ran = run(&programs(None).await, &plan).await;
        let found = judge(&ran.history);
        if found.is_empty() {
            return Ok(());
        }
        let text = report::violations(&ran.history, &found);
        Err(format!("{text}  logs and data: {}", ran.keep().display()))
    })
}

/// The settings of a campaign.
pub(crate) struct How {
    /// A jettimer other than the one that was built with this test.
    pub(crate) jettimer: Option<PathBuf>,
    /// How many runs go on at the same time.
    pub(crate) jobs: usize,
    /// How often a failing list is run again.
    pub(crate) tries: usize,
    /// Whether the logs of successful runs are kept, too.
    pub(crate) keep: bool,
}

/// Runs all of these plans, each with its name and the seed of its load, and reports; returns whether all succeeded.
pub(crate) fn all(plans: Vec<(String, u64, Plan)>, how: How) -> bool {
    runtime().block_on(async {
        let programs = programs(how.jettimer).await;
        let mut tally = Tally::default();
        let mut ran = futures_util::stream::iter(plans)
            .map(|(name, seed, plan)| {
                let programs = programs.clone();
                // Each run is a task of its own, so that its parts get their turn.
                spawn(async move {
                    let began = Instant::now();
                    let ran = run(&programs, &plan).await;
                    (name, seed, plan, ran, began.elapsed().as_secs_f64())
                })
            })
            .buffer_unordered(how.jobs.max(1));
        let mut failed = vec![];
        while let Some(done) = ran.next().await {
            let Ok((name, seed, plan, ran, seconds)) = done else {
                // The panic has been printed.
                tally.broke();
                continue;
            };
            let found = judge(&ran.history);
            println!("{}", report::line(&name, &ran.history, &found, seconds));
            tally.add(&name, &ran.history, &found);
            if how.keep || !found.is_empty() {
                print!("{}", report::violations(&ran.history, &found));
                println!("  logs and data: {}", ran.keep().display());
            }
            if let Some(first) = found.first() {
                failed.push((name, seed, plan, first.clone()));
            }
        }
        print!("{}", tally.text());
        for (name, seed, plan, first) in failed {
            let mut fails = async |faults: &[_]| {
                let ran = run(&programs, &Plan::with(seed, plan.profile, faults.to_vec())).await;
                judge(&ran.history).iter().any(|violation| violation.promise == first.promise)
            };
            let faults = shrink::shortest(&plan.faults, how.tries, &mut fails).await;
            let list = List { found: first.to_string(), profile: plan.profile, seed, faults };
            print!("{name}, the shortest list that was seen to fail:\n{}", list.text());
        }
        tally.all_well()
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// The programs to run: this jettimer by default, and a nats-server, which is downloaded if the machine lacks one.
#[expect(clippy::disallowed_methods, reason = "where caches are is the system's setting")]
async fn programs(jettimer: Option<PathBuf>) -> Programs {
    let var = |name| std::env::var_os(name);
    let cache = default_cache_dir(var("XDG_CACHE_HOME"), var("HOME"));
    let cache = cache.unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let given = var("JETTIMER_NATS_SERVER").map(PathBuf::from);
    let nats_server = provision(given.as_deref(), &cache).await.expect("a nats-server");
    Programs { nats_server, jettimer: jettimer.unwrap_or_else(|| env!("CARGO_BIN_EXE_jettimer").into()) }
}
