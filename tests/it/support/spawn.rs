//! A task of the tests' own.

use tokio::task::JoinHandle;

/// Spawns it. If it panics, whoever waits for it sees that, or for what it should have done.
#[expect(clippy::disallowed_methods, reason = "the names and the keeper of tasks are for those of a node")]
pub(crate) fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(task)
}
