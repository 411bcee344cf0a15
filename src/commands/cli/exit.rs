//! Exit codes, by which a script distinguishes results without reading text. A test compares docs/cli.md with them.

use crate::commands::client::{Error, Problem};
use rules::domain::state_kind::StateKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command has done its task.
    Done = 0,
    /// Something else went wrong, or only part of the task was done.
    Failed = 1,
    /// The command line or the request is invalid; running it again gives the same result.
    Usage = 2,
    /// There is no such timer.
    NotFound = 3,
    /// The timer is not in a state that allows this, or has changed.
    Conflict = 4,
    /// jettimer cannot be reached, is busy or has no NATS; a later run may succeed.
    Unavailable = 5,
    /// The token is missing or does not allow this.
    NotAllowed = 6,
    /// The timer that was watched failed.
    TimerFailed = 10,
    /// The result of the timer that was watched is unknown.
    TimerUnknown = 11,
    /// The timer that was watched was cancelled.
    TimerCancelled = 12,
    /// Ctrl-C stopped the command: 128 and the number of SIGINT, as a shell reports it.
    Interrupted = 130,
}

impl Exit {
    /// Each code with its meaning, as docs/cli.md has it.
    #[cfg(test)]
    const MEANINGS: [(Self, &'static str); 11] = [
        (Self::Done, "done"),
        (Self::Failed, "another error occurred, or not everything was done"),
        (Self::Usage, "the command line or the request is invalid"),
        (Self::NotFound, "the timer does not exist"),
        (Self::Conflict, "the timer's state does not allow this, or the timer has changed (`--if-match`)"),
        (Self::Unavailable, "jettimer cannot be reached, is busy, or cannot reach NATS"),
        (Self::NotAllowed, "the token is missing, or does not allow this"),
        (Self::TimerFailed, "the watched timer failed"),
        (Self::TimerUnknown, "the outcome of the watched timer is unknown"),
        (Self::TimerCancelled, "the watched timer was cancelled"),
        (Self::Interrupted, "Ctrl-C"),
    ];

    /// The exit code for a request that failed with this error.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Unreachable { .. } | Error::NoAnswer { .. } => Self::Unavailable,
            Error::Unusable(_) => Self::Failed,
            Error::Problem(problem) => Self::of_problem(problem),
        }
    }

    pub(super) fn of_problem(problem: &Problem) -> Self {
        match (problem.status, problem.kind()) {
            // Any other 404 is from a server that is not jettimer.
            (404, "timer-not-found") => Self::NotFound,
            (409 | 412, _) => Self::Conflict,
            (401 | 403, _) => Self::NotAllowed,
            (400 | 413 | 414 | 415 | 422 | 431, _) => Self::Usage,
            (408 | 429 | 502 | 503 | 504, _) => Self::Unavailable,
            _ => Self::Failed,
        }
    }

    /// The exit code for a watched timer in this state; `None` if the timer is not over.
    pub(super) fn of_state(state: &str) -> Option<Self> {
        match StateKind::from_name(state)? {
            StateKind::Scheduled | StateKind::Firing => None,
            StateKind::Delivered => Some(Self::Done),
            StateKind::Failed => Some(Self::TimerFailed),
            StateKind::Unknown => Some(Self::TimerUnknown),
            StateKind::Cancelled => Some(Self::TimerCancelled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_cli_md_has_every_exit_code_and_no_other() {
        let documented: Vec<&str> = include_str!("../../../docs/cli.md")
            .lines()
            .skip_while(|line| *line != "| code | meaning |")
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .collect();
        let expected = Exit::MEANINGS.map(|(exit, meaning)| format!("| {} | {meaning} |", exit as u8));
        assert_eq!(documented, expected);
    }

    #[test]
    fn every_final_state_ends_a_watch_and_no_other_does() {
        for state in StateKind::ALL {
            assert_eq!(Exit::of_state(state.name()).is_some(), state.is_final(), "{state:?}");
        }
    }
}
