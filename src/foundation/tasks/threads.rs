//! Starts a thread that the node needs, and reports its failure like a task's.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Failure, How, Tasks, panic_text};
use crate::foundation::metrics::{Label as _, Task};

impl Tasks {
    /// Starts a thread with the task's name. If it panics, it has failed. The thread decides itself when to end.
    ///
    /// # Errors
    ///
    /// If the system has no thread left.
    pub fn keep_thread(&self, task: Task, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let this = self.clone();
        let run = move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                this.failed(Failure { task, how: How::Panicked(panic_text(&*panic).to_owned()) });
            }
        };
        std::thread::Builder::new().name(task.shown().to_owned()).spawn(run).map(drop)
    }
}
