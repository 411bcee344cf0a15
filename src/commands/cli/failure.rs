//! Why a command ends early, and its message for the caller: the error, the option that caused it, and the next step.

use std::io::{self, ErrorKind, Write as _};

use super::exit::Exit;
use super::fault;
use crate::commands::client::Error;

/// Why a command ends early.
#[derive(Debug)]
pub(super) enum Failure {
    /// A request failed: with an error answer, or without an answer. The text is advice in place of the usual one.
    Asked(Error, Option<String>),
    /// A result could not be written.
    Written(io::Error),
    /// Any other failure, with its exit code and its text.
    Other(Exit, String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Asked(error, None)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Written(error)
    }
}

impl Failure {
    pub(super) fn usage(why: impl Into<String>) -> Self {
        Self::Other(Exit::Usage, why.into())
    }

    pub(super) fn other(why: impl Into<String>) -> Self {
        Self::Other(Exit::Failed, why.into())
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Asked(error, _) => Exit::of(error),
            // The reader, such as `head`, has read enough.
            Self::Written(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Done,
            Self::Written(_) => Exit::Failed,
            Self::Other(exit, _) => *exit,
        }
    }

    /// Writes the failure to standard error.
    pub(super) fn tell(&self) {
        let text = match self {
            Self::Asked(error, advice) => fault::told(error, advice.as_deref()),
            Self::Written(error) if error.kind() == ErrorKind::BrokenPipe => return,
            Self::Written(error) => format!("cannot write the result: {error}"),
            Self::Other(_, why) if why.is_empty() => return,
            Self::Other(_, why) => why.clone(),
        };
        say(&text);
    }
}

/// Writes a message to standard error, apart from the result.
pub(super) fn say(text: &str) {
    // If standard error is closed, there is no other place for the message.
    let _ = writeln!(io::stderr(), "jettimer: {text}");
}
