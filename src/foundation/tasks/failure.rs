//! The failure of a task that the node needs.

use std::any::Any;
use std::fmt;

use crate::foundation::metrics::{Label as _, Task};

/// The failure of a task that the node needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub task: Task,
    pub how: How,
}

/// The way in which a task has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// The task has panicked, with this text.
    Panicked(String),
    /// The task has ended without being told to.
    Ended,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(text) => write!(f, "has panicked: {text}"),
            Self::Ended => f.write_str("has ended unexpectedly"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task {} {}", self.task.shown(), self.how)
    }
}

pub fn panic_text(panic: &dyn Any) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
