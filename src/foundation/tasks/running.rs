//! The task that is running, for reports of panics: a panic hook knows the thread and not its task.

use crate::foundation::metrics::{Label as _, Task};
use rules::domain::timer::TimerId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    pub task: Task,
    /// The timer that it is about, if there is one.
    pub timer: Option<TimerId>,
}

impl Running {
    /// The task's name, as the metrics show it.
    pub fn name(self) -> &'static str {
        self.task.shown()
    }
}

tokio::task_local! {
    /// The task that is polled on this thread.
    pub(super) static RUNNING: Running;
}

/// The task of a node that this thread runs at the moment, if there is one. A task with a thread of its own is known by the thread's
/// name instead.
pub fn running() -> Option<Running> {
    RUNNING.try_with(|running| *running).ok()
}
