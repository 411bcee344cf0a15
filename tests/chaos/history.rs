//! The events of a run, as far as they are visible from outside: the oracle judges them.
//!
//! Instants are microseconds since the epoch by this machine's clock. Instants that nodes report are by
//! their own clocks, and the fields say so.

use std::collections::BTreeMap;

use crate::plan::{Fault, Item};

/// Microseconds since the epoch.
pub(crate) type Micros = u64;

/// The whole history of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The planned items; the index is the item's number.
    pub(crate) items: Vec<Item>,
    pub(crate) began: Micros,
    /// The retention of finished timers in microseconds, if it ends within the run.
    pub(crate) retention: Option<Micros>,
    pub(crate) requests: Vec<Request>,
    /// Whether the clients have sent all their requests.
    pub(crate) asked_for_all: bool,
    pub(crate) calls: Vec<Call>,
    pub(crate) faults: Vec<Happened>,
    pub(crate) lives: Vec<Life>,
    pub(crate) clocks: Vec<ClockSet>,
    pub(crate) backups: Vec<Backup>,
    /// Answers that differ from the OpenAPI document, and requests of nodes that NATS has refused.
    pub(crate) complaints: Vec<String>,
    pub(crate) end: End,
}

/// A client's request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) item: usize,
    pub(crate) node: usize,
    pub(crate) asked: Asked,
    pub(crate) sent: Micros,
    pub(crate) told: Option<Told>,
}

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Asked {
    Create,
    Read,
    Cancel,
    /// Move the timer to this instant.
    MoveTo(Micros),
    Fire,
}

/// An answer. A 503 does not count as one, since it does not say whether the request was carried out.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) at: Micros,
    pub(crate) status: u16,
    pub(crate) timer: Option<Seen>,
}

/// A timer as an answer showed it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) due_at: Micros,
    /// How many attempts had started by then.
    pub(crate) attempts: u32,
}

/// A call that a receiver saw.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The item of the called URL; `None` if the URL does not belong to the run.
    pub(crate) item: Option<usize>,
    pub(crate) id: String,
    pub(crate) attempt: u32,
    /// The node whose address at the receiver was called.
    pub(crate) node: usize,
    pub(crate) receiver: usize,
    /// When the receiver read its head.
    pub(crate) at: Micros,
    /// The status of the answer, if there was one. The answer may have got lost on its way.
    pub(crate) answered: Option<u16>,
    pub(crate) answered_at: Micros,
}

/// A fault as it actually happened.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) fault: Fault,
    /// The process or link that it hit, as text for people.
    pub(crate) whom: String,
    pub(crate) began: Micros,
    pub(crate) ended: Micros,
    /// The reason why the fault did not happen.
    pub(crate) skipped: Option<String>,
}

/// One jettimer process, from its start to its end.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) node: usize,
    /// The name in its claims.
    pub(crate) name: String,
    pub(crate) began: Micros,
    pub(crate) ended: Option<Ended>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ended {
    /// By SIGKILL.
    Killed(Micros),
    /// By SIGTERM, in order.
    Stopped(Micros),
    /// By itself.
    Died(Micros),
}

/// A change of a node's clock, at some instant between these two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockSet {
    pub(crate) node: usize,
    pub(crate) after: Micros,
    pub(crate) before: Micros,
    pub(crate) ahead_us: i64,
}

/// A backup of the only server's data that was restored: the spans in which the copy was made, and in which it replaced the data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backup {
    pub(crate) made: (Micros, Micros),
    pub(crate) back: (Micros, Micros),
}

/// The state at the end, once everything was repaired and quiet, or patience had run out.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    /// The instant after which no call should come.
    pub(crate) quiet_at: Micros,
    /// How long the run waited for everything to be quiet, in seconds, and the last thing that it waited for.
    pub(crate) waited: (u64, String),
    /// The reason why not everything was quiet when patience ran out.
    pub(crate) never: Option<String>,
    pub(crate) timers: Vec<Final>,
    /// How the list differs from the timers that exist, in a run whose broker forgets. In other runs a
    /// timer that the list lacks counts as lost.
    pub(crate) wrong_lists: Vec<String>,
    /// The counts by state.
    pub(crate) counts: BTreeMap<String, u64>,
    /// The status of each node's `/readyz`.
    pub(crate) ready: Vec<u16>,
    /// The timers that still had a wake, by subject.
    pub(crate) wakes: Vec<String>,
    /// The number of missing timers by each node's ledger, if the ledger has been balanced.
    pub(crate) imbalances: Vec<f64>,
    /// The findings of sweeps, by kind, of nodes that run at the end.
    pub(crate) swept: BTreeMap<String, u64>,
    /// How many wakes the consumer has not handed out.
    pub(crate) pending: u64,
}

/// A timer at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Final {
    /// The item in its metadata.
    pub(crate) item: Option<usize>,
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) attempts: u32,
    pub(crate) claimed_by: Option<String>,
    /// The reason of `failed` or `unknown`.
    pub(crate) reason: String,
    pub(crate) log: Vec<Logged>,
}

/// An attempt in the timer's log.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) number: u32,
    /// The name of a [`Life`].
    pub(crate) node: String,
    /// By that node's clock, like the next two fields.
    pub(crate) due_at: Micros,
    pub(crate) claimed_at: Micros,
    pub(crate) finished_at: Micros,
    pub(crate) result: String,
    pub(crate) status: Option<u16>,
}

impl History {
    /// The process with this name.
    pub(crate) fn life(&self, name: &str) -> Option<&Life> {
        self.lives.iter().find(|life| life.name == name)
    }

    pub(crate) fn calls_of(&self, item: usize) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| call.item == Some(item))
    }

    pub(crate) fn requests_of(&self, item: usize) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(move |request| request.item == item)
    }

    pub(crate) fn ends_of(&self, item: usize) -> impl Iterator<Item = &Final> {
        self.end.timers.iter().filter(move |timer| timer.item == Some(item))
    }
}

impl Request {
    /// The answer, if it has this status.
    pub(crate) fn told(&self, status: u16) -> Option<&Told> {
        self.told.as_ref().filter(|told| told.status == status)
    }
}
