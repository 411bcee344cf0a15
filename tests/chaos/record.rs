//! The history of a run while the run makes it.

use std::sync::{Arc, Mutex};

use crate::history::{Backup, Call, ClockSet, End, Ended, Happened, History, Life, Micros, Request};
use crate::plan::Plan;
use crate::support::now_micros;

/// A history that all parts of a run write to. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Record {
    history: Arc<Mutex<History>>,
}

impl Record {
    /// Notes that the load begins now.
    pub(crate) fn begin(&self, plan: &Plan) -> u64 {
        self.with(|history| {
            history.items = plan.items.clone();
            history.retention = plan.retention_ms().map(|millis| Micros::from(millis) * 1_000);
            history.began = now_micros();
            history.began
        })
    }

    pub(crate) fn request(&self, request: Request) {
        self.with(|history| history.requests.push(request));
    }

    /// Notes a call and returns its index, for [`Record::answered`].
    pub(crate) fn call(&self, call: Call) -> usize {
        self.with(|history| {
            history.calls.push(call);
            history.calls.len() - 1
        })
    }

    /// How many calls of this timer receivers have seen.
    pub(crate) fn calls_of(&self, id: &str) -> usize {
        self.with(|history| history.calls.iter().filter(|call| call.id == id).count())
    }

    pub(crate) fn answered(&self, place: usize, status: u16) {
        self.with(|history| {
            let call = &mut history.calls[place];
            (call.answered, call.answered_at) = (Some(status), now_micros());
        });
    }

    pub(crate) fn happened(&self, happened: Happened) {
        self.with(|history| history.faults.push(happened));
    }

    /// Notes that a process of a node starts, and returns its name, made from the number of earlier processes of the node.
    pub(crate) fn life(&self, node: usize, name: impl FnOnce(usize) -> String) -> String {
        self.with(|history| {
            let name = name(history.lives.iter().filter(|life| life.node == node).count());
            history.lives.push(Life { node, name: name.clone(), began: now_micros(), ended: None });
            name
        })
    }

    pub(crate) fn ended(&self, name: &str, how: Ended) {
        self.with(|history| {
            for life in history.lives.iter_mut().filter(|life| life.name == name) {
                life.ended = Some(how);
            }
        });
    }

    pub(crate) fn clock(&self, set: ClockSet) {
        self.with(|history| history.clocks.push(set));
    }

    /// Notes that the clients have sent all their requests.
    pub(crate) fn asked_for_all(&self) {
        self.with(|history| history.asked_for_all = true);
    }

    pub(crate) fn backup(&self, backup: Backup) {
        self.with(|history| history.backups.push(backup));
    }

    pub(crate) fn end(&self, end: End) {
        self.with(|history| history.end = end);
    }

    pub(crate) fn complain(&self, complaint: String) {
        self.with(|history| history.complaints.push(complaint));
    }

    /// A copy of the history so far.
    pub(crate) fn history(&self) -> History {
        self.with(|history| history.clone())
    }

    fn with<T>(&self, then: impl FnOnce(&mut History) -> T) -> T {
        then(&mut self.history.lock().unwrap())
    }
}
