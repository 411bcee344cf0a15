//! The one place that spawns a node's tasks: each has a name, and none ends unseen.
//!
//! There are two kinds of tasks. A node needs its long-lived tasks, such as the one that keeps the index: if one of them panics, or
//! ends before it was told to, the node ends in order, and its supervisor starts another. No task is started again here: a panic
//! may have left shared state half changed, and a new process shares nothing with the old one. A task that is one of many, such as a
//! connection, takes nothing with it: its panic is logged and counted, and everything that it held is given back by being dropped.
//!
//! clippy.toml forbids spawning elsewhere.

mod failure;
mod running;
mod threads;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use failure::{Failure, How, panic_text};
pub use running::{Running, running};

use crate::foundation::metrics::{Label as _, Metrics, Parts, Task};
use rules::domain::timer::TimerId;
use running::RUNNING;

/// The tasks of one node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tasks {
    metrics: Arc<Metrics>,
    /// The first failure of a task that the node needs.
    first: watch::Sender<Option<Failure>>,
}

/// A long-lived task. It goes on if this value is dropped.
#[derive(Debug)]
pub struct Kept(JoinHandle<()>);

impl Kept {
    /// Waits until the task has ended, in whichever way. [`Tasks::failure`] says whether it failed.
    pub async fn ended(&mut self) {
        // A panic is caught within the task, and nothing aborts the task, so this is never an error.
        let _ = (&mut self.0).await;
    }
}

impl Default for Tasks {
    /// Makes tasks that belong to no node, so their failures show in no metrics.
    fn default() -> Self {
        Self::new(Arc::new(Metrics::new("", Parts::default())))
    }
}

impl Tasks {
    /// Makes an empty set of tasks. Failures are counted in `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, first: watch::Sender::new(None) }
    }

    /// Spawns a task that the node needs until `until` is cancelled. If it panics, or ends before that, it has failed.
    pub fn keep(
        &self,
        task: Task,
        until: CancellationToken,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Kept {
        let this = self.clone();
        Kept(spawn(caught(Running { task, timer: None }, work).map(move |ended| match ended {
            Ok(()) if until.is_cancelled() => {}
            Ok(()) => this.failed(Failure { task, how: How::Ended }),
            Err(text) => this.failed(Failure { task, how: How::Panicked(text) }),
        })))
    }

    /// Spawns a task that is one of many. If it panics, that is logged, with the timer that it was about, and counted.
    pub fn one_of_many(
        &self,
        task: Task,
        timer: Option<TimerId>,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let metrics = self.metrics.clone();
        spawn(caught(Running { task, timer }, work).map(move |ended| {
            if let Err(panic) = ended {
                metrics.tasks.failures.count(task);
                let (task, timer) = (task.shown(), timer.map(tracing::field::display));
                tracing::error!(task, timer, panic, "a task has panicked; the other tasks go on");
            }
        }));
    }

    /// The first failure of a task that the node needs, if there was one.
    pub fn failure(&self) -> Option<Failure> {
        self.first.borrow().clone()
    }

    /// Waits for such a failure.
    pub async fn failed_one(&self) -> Failure {
        let mut first = self.first.subscribe();
        match first.wait_for(Option::is_some).await.map(|failure| failure.clone()) {
            Ok(Some(failure)) => failure,
            // The sender is `self`, so it is not dropped meanwhile.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    fn failed(&self, failure: Failure) {
        self.metrics.tasks.failures.count(failure.task);
        tracing::error!(
            task = failure.task.shown(),
            how = %failure.how,
            "a task that this node needs has failed, so the node stops"
        );
        self.first.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(failure);
            is_first
        });
    }
}

/// Catches a panic of the work and returns its text. This is not an `async fn`, and has no `async` block that awaits the work: each of
/// these has room for its work twice, before it begins and while it goes on.
fn caught(running: Running, work: impl Future<Output = ()>) -> impl Future<Output = Result<(), String>> {
    let work = AssertUnwindSafe(RUNNING.scope(running, work)).catch_unwind();
    work.map(|ended| ended.map_err(|panic| panic_text(&*panic).to_owned()))
}

#[expect(clippy::disallowed_methods, reason = "this is the place that the lint sends others to")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

#[cfg(test)]
mod tests;
