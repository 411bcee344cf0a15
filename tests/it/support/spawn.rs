//! Tasks of the tests.

use tokio::task::JoinHandle;

/// Spawns a task. If it panics, the code that awaits its handle sees the panic, or misses the task's result.
#[expect(clippy::disallowed_methods, reason = "the names and the keeper of tasks are for those of a node")]
pub(crate) fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(task)
}
