//! Many runs: some beside each other, each judged, and what fails made as short as it can be.

use std::path::PathBuf;
use std::time::Instant;

use futures_util::StreamExt as _;
use jettimer::embedded::{default_cache_dir, provision};

use crate::list::List;
use crate::oracle::judge;
use crate::plan::Plan;
use crate::report::{self, Tally};
use crate::rig::Programs;
use crate::run::run;
use crate::shrink;
use crate::support::spawn;

/// Runs a plan and says what is wrong, if anything is.
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

/// How runs are made.
pub(crate) struct How {
    /// Another one than was built with this.
    pub(crate) jettimer: Option<PathBuf>,
    /// So many beside each other.
    pub(crate) jobs: usize,
    /// How often a failing list is run again.
    pub(crate) tries: usize,
    /// Whether logs are kept of what does not fail.
    pub(crate) keep: bool,
}

/// Runs all of these, each with its name and the seed of its load, and reports; says whether all was well.
pub(crate) fn all(plans: Vec<(String, u64, Plan)>, how: How) -> bool {
    runtime().block_on(async {
        let programs = programs(how.jettimer).await;
        let mut tally = Tally::default();
        let mut ran = futures_util::stream::iter(plans)
            .map(|(name, seed, plan)| {
                let programs = programs.clone();
                // A task of its own, so that what each runs on gets its turn.
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
                // Why has been printed.
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

/// What is run: this jettimer, if no other is given, and a nats-server, which is got if there is none.
#[expect(clippy::disallowed_methods, reason = "where caches are is the system's setting")]
async fn programs(jettimer: Option<PathBuf>) -> Programs {
    let var = |name| std::env::var_os(name);
    let cache = default_cache_dir(var("XDG_CACHE_HOME"), var("HOME"));
    let cache = cache.unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let given = var("JETTIMER_NATS_SERVER").map(PathBuf::from);
    let nats_server = provision(given.as_deref(), &cache).await.expect("a nats-server");
    Programs { nats_server, jettimer: jettimer.unwrap_or_else(|| env!("CARGO_BIN_EXE_jettimer").into()) }
}
