//! How many files and sockets this process may have open, and how they are shared out: connections of clients get the rest after calls,
//! DNS, NATS and files, but at least a fourth.

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The highest limit that the process asks for. More is of no use, and some systems allow a thousand times as many.
const MOST: u64 = 1_048_576;

/// Files for NATS, the journal, logs, the listening sockets, 32 connections of health checks, the runtime and a nats-server's log.
const BASE: u64 = 128;

/// Files for a call: it has a connection, may be making a second one, and asks DNS meanwhile or leaves a connection idle. For each call,
/// there may be another whose name is looked up before, with two sockets.
const FOR_A_CALL: u64 = 5;

/// The divisor for the share that connections of clients have at least, if that many are wanted.
const PART_OF_CLIENTS: u64 = 4;

/// With fewer calls or connections than this, a node is of no use.
const FEWEST: u64 = 8;

/// The numbers of client connections and of calls that there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub connections: usize,
    pub calls: usize,
}

/// Lets this process have as many open files as the system permits without further rights: its soft limit becomes the hard one. A
/// program that it starts inherits that.
pub fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(MOST).min(MOST);
    if limit.current.is_some_and(|current| current < wanted) {
        // If the system refuses, the plan is made for fewer files.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit });
    }
}

/// The number of files that this process may have open.
fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(MOST)
}

impl Plan {
    /// The plan reduced to the number of files that this process may have open; the log warns of a reduction.
    ///
    /// # Errors
    ///
    /// The limit to raise, if it is too low for a node.
    pub fn fitted(self) -> Result<Self> {
        let limit = limit();
        let plan = self.within(limit)?;
        if plan != self {
            tracing::warn!(
                "{limit} files may be open, which is enough for {} connections of clients (--max-connections {}) and {} calls (--max-calls \
                 {}) at once: raise the limit with LimitNOFILE= in the systemd unit, or with ulimit -Hn",
                plan.connections,
                self.connections,
                plan.calls,
                self.calls
            );
        }
        Ok(plan)
    }

    fn within(self, limit: u64) -> Result<Self> {
        let (clients, calls) = (self.connections as u64, self.calls as u64);
        let free = limit.saturating_sub(BASE);
        let least = clients.min(free / PART_OF_CLIENTS);
        let connections = clients.min(free.saturating_sub(FOR_A_CALL * calls)).max(least);
        let fitting = calls.min((free - connections) / FOR_A_CALL);
        if connections < FEWEST.min(clients) || fitting < FEWEST.min(calls) {
            bail!(
                "{limit} files may be open, which is too few for a node: raise the limit to {} or more with LimitNOFILE= in the systemd \
                 unit, or with ulimit -Hn",
                BASE + clients + FOR_A_CALL * calls
            );
        }
        Ok(Self { connections: connections as usize, calls: fitting as usize })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(connections: usize, calls: usize) -> Plan {
        Plan { connections, calls }
    }

    #[test]
    fn what_is_wanted_is_given_where_there_is_enough() {
        for wanted in [plan(10_000, 512), plan(1, 1), plan(100, 16)] {
            assert_eq!(wanted.within(20_000).unwrap(), wanted);
        }
        assert_eq!(plan(10_000, 512).within(128 + 5 * 512 + 10_000).unwrap(), plan(10_000, 512));
    }

    #[test]
    fn clients_have_what_calls_leave_and_a_quarter_at_least() {
        assert_eq!(plan(10_000, 512).within(4_096).unwrap(), plan(4_096 - 128 - 5 * 512, 512));
        assert_eq!(plan(10_000, 512).within(1_024).unwrap(), plan(224, 134));
        assert_eq!(plan(50, 512).within(1_024).unwrap(), plan(50, 169));
    }

    #[test]
    fn a_node_does_not_start_with_too_few() {
        let error = plan(10_000, 512).within(150).unwrap_err().to_string();
        assert!(error.contains("150 files may be open") && error.contains("to 12688 or more"), "{error}");
        assert!(plan(1, 1).within(140).is_ok());
    }
}
