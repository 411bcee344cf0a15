//! Exit codes: what a script can tell apart without reading a word. docs/cli.md is compared with them by a test.

use crate::client::{Error, Problem};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for was done.
    Done = 0,
    /// Something else went wrong, or not all of it was done.
    Failed = 1,
    /// The command line, or what it asks for, is not as it must be; the same again ends the same.
    Usage = 2,
    /// There is no such timer.
    NotFound = 3,
    /// The timer is not in a state in which this can be done, or has changed.
    Conflict = 4,
    /// jettimer cannot be reached, is busy or has no NATS; the same later may do.
    Unavailable = 5,
    /// The token is missing or not good for this.
    NotAllowed = 6,
    /// The timer that was watched failed.
    TimerFailed = 10,
    /// Nobody knows what became of the timer that was watched.
    TimerUnknown = 11,
    /// The timer that was watched was cancelled.
    TimerCancelled = 12,
    /// Told to stop, by Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Each with what it means, as docs/cli.md has it.
    #[cfg(test)]
    const MEANINGS: [(Self, &'static str); 11] = [
        (Self::Done, "done"),
        (Self::Failed, "something else went wrong, or not all was done"),
        (Self::Usage, "the command line, or what it asks for, is not as it must be"),
        (Self::NotFound, "there is no such timer"),
        (Self::Conflict, "the timer's state does not allow it, or it has changed (`--if-match`)"),
        (Self::Unavailable, "jettimer cannot be reached, is busy, or has no NATS"),
        (Self::NotAllowed, "the token is missing, or not good for this"),
        (Self::TimerFailed, "the timer that was watched failed"),
        (Self::TimerUnknown, "nobody knows what became of the timer that was watched"),
        (Self::TimerCancelled, "the timer that was watched was cancelled"),
        (Self::Interrupted, "Ctrl-C"),
    ];

    /// How a request ended that did not do it.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Unreachable { .. } | Error::NoAnswer { .. } => Self::Unavailable,
            Error::Unusable(_) => Self::Failed,
            Error::Problem(problem) => Self::of_problem(problem),
        }
    }

    pub(super) fn of_problem(problem: &Problem) -> Self {
        match (problem.status, problem.kind()) {
            // A path that is not there is a server that is no jettimer.
            (404, "timer-not-found") => Self::NotFound,
            (409 | 412, _) => Self::Conflict,
            (401 | 403, _) => Self::NotAllowed,
            (400 | 413 | 414 | 415 | 422 | 431, _) => Self::Usage,
            (408 | 429 | 502 | 503 | 504, _) => Self::Unavailable,
            _ => Self::Failed,
        }
    }

    /// How watching a timer ends that is in this state; nothing if it is not over.
    pub(super) fn of_state(state: &str) -> Option<Self> {
        match state {
            "delivered" => Some(Self::Done),
            "failed" => Some(Self::TimerFailed),
            "unknown" => Some(Self::TimerUnknown),
            "cancelled" => Some(Self::TimerCancelled),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_cli_md_has_every_exit_code_and_no_other() {
        let documented: Vec<&str> = include_str!("../../docs/cli.md")
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
        let over: Vec<&str> =
            crate::index::STATES.into_iter().filter(|state| Exit::of_state(state).is_some()).collect();
        assert_eq!(over, ["delivered", "failed", "unknown", "cancelled"]);
    }
}
