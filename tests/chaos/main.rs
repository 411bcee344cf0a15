//! Deliberate faults: one or three nats-servers and three nodes run under load. Any of them may be killed, stopped, cut
//! off, filled up or given a wrong clock. An oracle judges what clients, receivers and the API have seen.
//!
//! Without arguments it is a test like the others, which runs a few seeds, the lists that once failed, and the tests of its
//! own parts. `run` runs more seeds, or lists of faults; docs/reliability.md explains it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and this one is also a program that reports; clippy's exception for tests reaches neither"
)]

mod campaign;
mod cli;
mod client;
mod history;
mod list;
mod load;
mod look;
mod oracle;
mod plan;
mod record;
mod report;
mod rig;
mod run;
mod shrink;
mod story;
mod strike;
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// Defines tests and a list of them, for a program that has its own `main`.
#[macro_export]
macro_rules! trials {
    ($(fn $name:ident() $body:block)*) => {
        $(fn $name() $body)*
        /// The tests of this module.
        pub(crate) const ALL: &[(&str, fn())] = &[$((stringify!($name), $name)),*];
    };
}

/// The seeds of every run of the tests, one for each profile. Together they have most kinds of faults, and each takes about
/// half a minute. Faults with their own load are covered by the lists that are kept.
const SEEDS: [u64; 3] = [12, 13, 17];

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(cli::RUN) {
        return cli::run();
    }
    let parts = [plan::ALL, oracle::TESTS, oracle::MORE_TESTS, shrink::ALL, list::ALL].concat();
    let parts = parts.into_iter().map(|(name, test)| {
        Trial::test(format!("parts::{name}"), move || {
            test();
            Ok(())
        })
    });
    // Only Linux has a block of loopback addresses, a clock for one process, and a small disk.
    let seeds = SEEDS.into_iter().filter(|_| cfg!(target_os = "linux")).map(|seed| {
        Trial::test(format!("seeds::{seed}"), move || {
            campaign::holds(plan::Plan::of(seed, plan::Profile::of(seed))).map_err(Failed::from)
        })
    });
    let lists = list::regressions().into_iter().filter(|_| cfg!(target_os = "linux")).map(|path| {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Trial::test(format!("regressions::{name}"), move || {
            campaign::holds(list::List::read(&path)?.plan()).map_err(Failed::from)
        })
    });
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or_else(threads_of_tests);
    libtest_mimic::run(&arguments, parts.chain(seeds).chain(lists).collect()).exit_code()
}

/// How many tests run at the same time by the variable that Rust's own test programs know. A run waits for most of its time.
#[expect(clippy::disallowed_methods, reason = "it is a setting of the tests, not one of jettimer's")]
fn threads_of_tests() -> Option<usize> {
    std::env::var("RUST_TEST_THREADS").ok()?.parse().ok()
}
