//! Which task is running: for who reports a panic, which knows the thread and not what it did.

use crate::domain::timer::TimerId;
use crate::metrics::{Label as _, Task};

/// A task that is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Which.
    pub task: Task,
    /// The timer that it is about, if it is about one.
    pub timer: Option<TimerId>,
}

impl Running {
    /// The task's name.
    pub fn name(self) -> &'static str {
        self.task.shown()
    }
}

tokio::task_local! {
    /// The task that is polled on this thread.
    pub(super) static RUNNING: Running;
}

/// The task that this thread runs at the moment, if it is one of a node's. A thread of its own has its name instead.
pub fn running() -> Option<Running> {
    RUNNING.try_with(|running| *running).ok()
}
