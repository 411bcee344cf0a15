//! The few lines that jettimer and the guard exchange: reports on the guard's stdout, orders on its stdin.

use std::fmt;

/// A report of the guard to jettimer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// Another process holds the lock; the guard waits for it.
    Waiting,
    /// The other process still held the lock after the wait. The last report.
    InUse,
    /// nats-server runs with this pid. The last report.
    Started(u32),
    /// nats-server could not be started. The last report.
    Failed(String),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waiting"),
            Self::InUse => f.write_str("in-use"),
            Self::Started(pid) => write!(f, "started {pid}"),
            // One report is one line, even if the text of an error has several.
            Self::Failed(reason) => write!(f, "failed {}", reason.replace('\n', " ")),
        }
    }
}

impl Report {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest) {
            ("waiting", "") => Some(Self::Waiting),
            ("in-use", "") => Some(Self::InUse),
            ("started", pid) => pid.parse().ok().map(Self::Started),
            ("failed", reason) => Some(Self::Failed(reason.to_owned())),
            _ => None,
        }
    }
}

/// An order of jettimer to the guard. The end of the pipe means [`Order::Stop`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Let nats-server finish its work: SIGTERM, and SIGKILL if that takes too long.
    Stop,
    /// SIGKILL, as in a crash.
    Kill,
}

impl Order {
    pub(super) fn line(self) -> &'static str {
        match self {
            Self::Stop => "stop\n",
            Self::Kill => "kill\n",
        }
    }

    pub(super) fn parse(line: &str) -> Option<Self> {
        match line {
            "stop" => Some(Self::Stop),
            "kill" => Some(Self::Kill),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        for report in
            [Report::Waiting, Report::InUse, Report::Started(4711), Report::Failed("no such file".into())]
        {
            assert_eq!(Report::parse(&report.to_string()), Some(report));
        }
        assert_eq!(Report::parse("started"), None);
        assert_eq!(Report::parse("running 3 tests"), None);
    }

    #[test]
    fn an_order_is_read_as_it_was_written() {
        for order in [Order::Stop, Order::Kill] {
            assert_eq!(Order::parse(order.line().trim_end()), Some(order));
        }
        assert_eq!(Order::parse(""), None);
    }
}
