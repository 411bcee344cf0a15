//! How a task that the node needs has failed.

use std::any::Any;
use std::fmt;

use crate::metrics::{Label as _, Task};

/// A task has failed that the node needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub task: Task,
    /// How.
    pub how: How,
}

/// How a task has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It has panicked, with this text.
    Panicked(String),
    /// It has ended, and was not told to.
    Ended,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(text) => write!(f, "has panicked: {text}"),
            Self::Ended => f.write_str("has ended by itself"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task {} {}", self.task.shown(), self.how)
    }
}

/// What a panic says.
pub fn panic_text(panic: &dyn Any) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
