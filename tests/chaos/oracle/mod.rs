//! Judges a history: it finds the broken promises. Pure: it knows no clock, no network and no process.
//!
//! It trusts no single source: it compares the answers to clients, the calls that receivers saw, and the state that the API
//! shows at the end. Only a fault excuses an outcome.

mod answers;
mod attempts;
mod clock;
mod due;
mod end;
mod excuse;
mod once;
mod restored;
mod tests;

use std::fmt;

use crate::history::History;

pub(crate) use restored::may_be_gone;
pub(crate) use tests::{ALL as TESTS, OF_A_BROKER_THAT_FORGETS as MORE_TESTS};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Violation {
    /// The promise.
    pub(crate) promise: &'static str,
    /// How it was broken.
    pub(crate) how: String,
    /// The number of its timer in the load.
    pub(crate) item: Option<usize>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            Some(item) => write!(f, "{}: timer {item}: {}", self.promise, self.how),
            None => write!(f, "{}: {}", self.promise, self.how),
        }
    }
}

/// How many timers are `unknown` because their records were brought back. That breaks no promise, but the report mentions it.
pub(crate) fn brought_back(history: &History) -> usize {
    history.end.timers.iter().filter(|timer| restored::is_brought_back(history, timer)).count()
}

/// All violations in a history.
pub(crate) fn judge(history: &History) -> Vec<Violation> {
    let mut found = vec![];
    for item in 0..history.items.len() {
        once::judge(history, item, &mut found);
        due::judge(history, item, &mut found);
        attempts::judge(history, item, &mut found);
        answers::judge(history, item, &mut found);
        end::judge_item(history, item, &mut found);
    }
    end::judge(history, &mut found);
    found
}

fn broken(found: &mut Vec<Violation>, item: impl Into<Option<usize>>, promise: &'static str, how: String) {
    found.push(Violation { promise, how, item: item.into() });
}
