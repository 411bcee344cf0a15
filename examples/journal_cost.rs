//! What the journal of calls costs a timer: `cargo run --release --locked --example journal_cost [DIR]`.
//!
//! Notes a claim, a request and an answer of 100 bytes, a million times, by one thread and then by as many as there are
//! processors. What counts is the time on the processor, which other programs do not add to.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a command that measures")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jettimer::foundation::clock::Clock;
use jettimer::foundation::metrics::{Metrics, Parts};
use jettimer::node::journal::{Journal, Settings};
use rules::domain::attempt::CallResult;
use rules::domain::called::{Answer, Called, Phases};
use uuid::Uuid;

const TIMERS: u32 = 1_000_000;

/// As many as a node calls at once by default.
const CALLS: usize = 512;

fn main() {
    let dir = std::env::args_os().nth(1).unwrap_or_else(|| "./.jettimer/journal-cost".into());
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in [1, all] {
        let spent = measure(Path::new(&dir), threads);
        println!("{threads} threads: {:.2} µs a timer", spent.as_secs_f64() * 1e6 / f64::from(TIMERS));
    }
}

/// How long the threads are on a processor for all of it together.
fn measure(dir: &Path, threads: usize) -> Duration {
    let metrics = Arc::new(Metrics::new("1", Parts::default()));
    let settings = Settings { dir, calls: CALLS, clock: Clock::OF_THE_WORLD, metrics };
    let (journal, left) = Journal::open(settings).expect("a directory that can be written to");
    left.into_iter().for_each(|left| left.done().expect("it is forgotten"));
    let called = Called {
        result: CallResult::Answered { status: 200, retry_after: None },
        answer: Answer { body: vec![b'x'; 100], truncated: false }.kept(),
        phases: Phases::default(),
    };
    let each = TIMERS / u32::try_from(threads).unwrap_or(1);
    std::thread::scope(|scope| {
        let threads = (0..threads).map(|thread| {
            let (journal, called) = (&journal, &called);
            scope.spawn(move || {
                let before = on_processor();
                for number in 0..each {
                    let id = Uuid::from_u128((thread as u128) << 64 | u128::from(number));
                    let entry = journal.claims(id, id);
                    entry.writes();
                    entry.answered(called);
                    entry.ends();
                }
                on_processor() - before
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread ends")).sum()
    })
}

/// How long this thread has been on a processor, as Linux says it.
fn on_processor() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this needs Linux");
    let nanos = said.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("a number of nanoseconds"))
}
