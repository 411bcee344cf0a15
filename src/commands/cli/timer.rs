//! A timer as the API shows it: the fields that are shown to people, and their display.

use console::Style;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

use super::table::Cell;
use crate::foundation::clock::Clock;
use crate::foundation::{duration, rfc3339};
use rules::domain::state_kind::StateKind;

/// The fields of a timer that lists and events have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Timer {
    pub(super) id: String,
    pub(super) state: String,
    time_left: u64,
    pub(super) due_at: String,
    pub(super) url: String,
    pub(super) method: String,
    pub(super) attempts: u32,
    pub(super) next_attempt_at: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) last_attempt: Option<Attempt>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// One attempt and its result.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attempt {
    pub(super) number: u32,
    pub(super) node: String,
    pub(super) claimed_at: String,
    pub(super) lateness_ms: f64,
    pub(super) result: String,
    pub(super) status: Option<u16>,
    pub(super) reason: Option<String>,
}

impl Attempt {
    /// Its result, in a word or two.
    pub(super) fn came_to(&self) -> String {
        match (self.status, &self.reason) {
            (Some(status), _) => status.to_string(),
            (None, Some(reason)) => format!("{}: {reason}", self.result.replace('_', " ")),
            (None, None) => self.result.replace('_', " "),
        }
    }
}

impl Timer {
    /// Whether it waits or is being called.
    pub(super) fn is_pending(&self) -> bool {
        StateKind::from_name(&self.state).is_some_and(|state| !state.is_final())
    }

    /// The instant of its next attempt, or else its due time.
    pub(super) fn next_call(&self) -> &str {
        self.next_attempt_at.as_ref().unwrap_or(&self.due_at)
    }

    /// The time until its next call: the node's own count before the first attempt, since the node's time need not pass
    /// as ours does (`dev --time-scale`); by the clock here before a later one.
    pub(super) fn distance(&self) -> String {
        if self.time_left > 0 && self.next_attempt_at.is_none() {
            return format!("in {}", span(Duration::from_secs(self.time_left)));
        }
        distance(self.next_call())
    }

    /// Its labels, as `key=value` with spaces between them.
    pub(super) fn labels(&self) -> String {
        let labels = self.metadata.iter().map(|(key, value)| format!("{key}={value}"));
        labels.collect::<Vec<_>>().join(" ")
    }
}

/// A state in its colour.
pub(super) fn state(name: &str) -> Cell {
    let style = match StateKind::from_name(name) {
        Some(StateKind::Delivered) => Style::new().green(),
        Some(StateKind::Failed) => Style::new().red(),
        Some(StateKind::Unknown) => Style::new().magenta(),
        Some(StateKind::Firing) => Style::new().cyan(),
        Some(StateKind::Cancelled) => Style::new().dim(),
        Some(StateKind::Scheduled) | None => Style::new(),
    };
    Cell::styled(name, style)
}

/// An instant to the second, in a form that is easier to read; other text unchanged.
pub(super) fn instant(text: &str) -> String {
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(clock)) if rfc3339::parse(text).is_ok() => format!("{day} {clock}Z"),
        _ => text.to_owned(),
    }
}

/// The time between now and an instant.
fn distance(text: &str) -> String {
    let (now, Ok(then)) = (Clock::OF_THE_WORLD.now(), rfc3339::parse(text)) else { return String::new() };
    if then > now {
        format!("in {}", span(then.since(now)))
    } else {
        format!("{} ago", span(now.since(then)))
    }
}

/// A span in its two largest units.
pub(super) fn span(span: Duration) -> String {
    // Rounded up, as `time_left` is.
    let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    let text = duration::format(Duration::from_secs(seconds));
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_spans_are_easy_to_read() {
        assert_eq!(instant("2027-01-15T08:00:00.000000Z"), "2027-01-15 08:00:00Z");
        assert_eq!(instant("soon"), "soon");
        assert_eq!(span(Duration::from_millis(41_001)), "42s");
        assert_eq!(span(Duration::from_secs(93_784)), "1day 2h");
    }
}
