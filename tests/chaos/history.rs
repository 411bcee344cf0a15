//! What has happened in a run, as far as anybody outside could see: what the oracle judges.
//!
//! Instants are microseconds since the epoch by this machine's clock. What nodes say of instants is by their own clocks,
//! and named so.

use std::collections::BTreeMap;

use crate::plan::{Fault, Item};

/// Microseconds since the epoch.
pub(crate) type Micros = u64;

/// All of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// What was to be done, by number.
    pub(crate) items: Vec<Item>,
    pub(crate) began: Micros,
    /// How long finished timers stay, in microseconds, if they leave within the run.
    pub(crate) retention: Option<Micros>,
    pub(crate) requests: Vec<Request>,
    /// Whether clients have nothing more to ask for.
    pub(crate) asked_for_all: bool,
    pub(crate) calls: Vec<Call>,
    pub(crate) faults: Vec<Happened>,
    pub(crate) lives: Vec<Life>,
    pub(crate) clocks: Vec<ClockSet>,
    pub(crate) backups: Vec<Backup>,
    /// Answers that are not as the OpenAPI document says, and what NATS has refused nodes.
    pub(crate) complaints: Vec<String>,
    pub(crate) end: End,
}

/// What a client asked for and was told.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) item: usize,
    pub(crate) node: usize,
    pub(crate) asked: Asked,
    pub(crate) sent: Micros,
    pub(crate) told: Option<Told>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Asked {
    Create,
    Read,
    Cancel,
    /// To be due at this instant.
    MoveTo(Micros),
    Fire,
}

/// An answer. One that says that nobody knows (503) is none.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) at: Micros,
    pub(crate) status: u16,
    pub(crate) timer: Option<Seen>,
}

/// A timer as it was shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) due_at: Micros,
    /// How many attempts had been started.
    pub(crate) attempts: u32,
}

/// A call that a receiver saw.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// By the URL that was called; `None` if it is none of ours.
    pub(crate) item: Option<usize>,
    pub(crate) id: String,
    pub(crate) attempt: u32,
    /// By the way that it came.
    pub(crate) node: usize,
    pub(crate) receiver: usize,
    /// When its head was read.
    pub(crate) at: Micros,
    /// What was answered, if anything was, and when; the answer may have got lost.
    pub(crate) answered: Option<u16>,
    pub(crate) answered_at: Micros,
}

/// A fault as it came about.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) fault: Fault,
    /// Whom it hit, for people.
    pub(crate) whom: String,
    pub(crate) began: Micros,
    pub(crate) ended: Micros,
    /// Why it did not come about.
    pub(crate) skipped: Option<String>,
}

/// One process of jettimer, from its start to its end.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) node: usize,
    /// As it is in claims.
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

/// A node's clock was set, at some instant between these two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockSet {
    pub(crate) node: usize,
    pub(crate) after: Micros,
    pub(crate) before: Micros,
    pub(crate) ahead_us: i64,
}

/// Data of the only server that was put back: spans in which the copy was made, and in which it took the place of the data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backup {
    pub(crate) made: (Micros, Micros),
    pub(crate) back: (Micros, Micros),
}

/// What there was once everything was mended and quiet, or patience was over.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    /// Since when no call should come.
    pub(crate) quiet_at: Micros,
    /// How long was waited for all to be quiet, in seconds, and what for last.
    pub(crate) waited: (u64, String),
    /// Why patience was over before all was quiet.
    pub(crate) never: Option<String>,
    pub(crate) timers: Vec<Final>,
    /// How the list differs from what is there, where the broker forgets. Elsewhere what is not in the list is taken for lost.
    pub(crate) wrong_lists: Vec<String>,
    /// By state.
    pub(crate) counts: BTreeMap<String, u64>,
    /// The status of each node's `/readyz`.
    pub(crate) ready: Vec<u16>,
    /// The timers whose wakes were left, by subject.
    pub(crate) wakes: Vec<String>,
    /// What each node's ledger says is missing, as far as it has been balanced.
    pub(crate) imbalances: Vec<f64>,
    /// What sweeps of nodes that are there at the end have found, by kind.
    pub(crate) swept: BTreeMap<String, u64>,
    /// What the consumer has not handed out.
    pub(crate) pending: u64,
}

/// A timer at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Final {
    /// By its metadata.
    pub(crate) item: Option<usize>,
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) attempts: u32,
    pub(crate) claimed_by: Option<String>,
    /// Why it has failed or is unknown.
    pub(crate) reason: String,
    pub(crate) log: Vec<Logged>,
}

/// An attempt as the timer's log has it.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) number: u32,
    /// The name of a [`Life`].
    pub(crate) node: String,
    /// By that node's clock, as the two after it.
    pub(crate) due_at: Micros,
    pub(crate) claimed_at: Micros,
    pub(crate) finished_at: Micros,
    pub(crate) result: String,
    pub(crate) status: Option<u16>,
}

impl History {
    /// The life of this name.
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
