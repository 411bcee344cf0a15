//! Why a command ends before it is done, and what its caller is told: what went wrong, which option it is about, and
//! what to do next.

use std::io::{self, ErrorKind, Write as _};

use super::exit::Exit;
use super::fault;
use crate::client::Error;

/// Why a command ends.
#[derive(Debug)]
pub(super) enum Failure {
    /// What the server answered, or that it did not; and what to do beside what goes without saying.
    Asked(Error, Option<String>),
    /// A result could not be written.
    Written(io::Error),
    /// Something else.
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
            // Whoever reads, such as `head`, has enough.
            Self::Written(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Done,
            Self::Written(_) => Exit::Failed,
            Self::Other(exit, _) => *exit,
        }
    }

    /// Says it on standard error.
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

/// Says something beside the result, to whoever watches.
pub(super) fn say(text: &str) {
    // If nobody hears it, there is nobody to tell.
    let _ = writeln!(io::stderr(), "jettimer: {text}");
}
