//! The command line of the runner.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::campaign::{self, How};
use crate::list::List;
use crate::plan::{Plan, Profile};

/// The first argument that makes a runner of the test.
pub(crate) const RUN: &str = "run";

/// Breaks a cluster of jettimer on purpose, and judges what has become of its timers
#[derive(Parser)]
#[command(name = "chaos run", no_binary_name = true)]
struct Args {
    /// Seeds: 7, or 1..200 with both ends
    #[arg(value_name = "SEEDS", value_parser = seeds, required_unless_present = "faults")]
    seeds: Option<Seeds>,

    /// A list of faults, as a failing run has printed it; may be given several times
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    faults: Vec<PathBuf>,

    /// The nats-servers of every seed; default: each seed has one of the profiles
    #[arg(long, conflicts_with = "faults")]
    profile: Option<Profile>,

    /// How often each is run
    #[arg(long, default_value_t = 1)]
    times: u64,

    /// How many are run beside each other: they wait most of the time
    #[arg(long, default_value_t = 2)]
    jobs: usize,

    /// The jettimer to run; default: the one that was built with this
    #[arg(long, value_name = "FILE")]
    jettimer: Option<PathBuf>,

    /// Keep logs and data of every run, not only of those that fail
    #[arg(long)]
    keep: bool,

    /// How often a failing list is run again to find a shorter one that fails too; 0 for not at all
    #[arg(long, default_value_t = 24)]
    shrink: usize,
}

#[derive(Clone, Copy)]
struct Seeds {
    first: u64,
    last: u64,
}

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    let args = Args::parse_from(std::env::args().skip(2));
    let mut plans = vec![];
    if let Some(Seeds { first, last }) = args.seeds {
        plans.extend((first..=last).map(|seed| {
            let profile = args.profile.unwrap_or(Profile::of(seed));
            (format!("seed {seed} {}", profile.name()), seed, Plan::of(seed, profile))
        }));
    }
    for path in &args.faults {
        match List::read(path) {
            Ok(list) => plans.push((path.display().to_string(), list.seed, list.plan())),
            Err(error) => {
                println!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    let plans = (0..args.times).flat_map(|_| plans.clone()).collect();
    let how = How { jettimer: args.jettimer, jobs: args.jobs, tries: args.shrink, keep: args.keep };
    if campaign::all(plans, how) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn seeds(text: &str) -> Result<Seeds, String> {
    let number = |text: &str| text.parse().map_err(|_| "allowed are 7 and 1..200".to_owned());
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    Ok(Seeds { first: number(first)?, last: number(last)? })
}
