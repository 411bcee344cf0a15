//! The creating side of a run so far: the number of answers, the time that they took, and the errors.
//!
//! A failed create is counted and not tried again: it is unknown whether the service kept the timer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::clock::micros;
use super::spread::Spread;

/// Error texts kept per kind: enough to see whether they differ, few enough to read.
const TEXTS_KEPT: usize = 3;

/// Characters kept of one error text; a proxy's error page is longer than anyone wants on a terminal.
const TEXT_CHARS: usize = 200;

pub(super) struct Creation {
    pub(super) created: u64,
    pub(super) failed: u64,
    /// Answered creates only; a failed one has its own line.
    pub(super) latency: Spread,
    /// How late the generator itself was in sending, on connections that had nothing else to do. Open loop
    /// only.
    pub(super) lag: Spread,
    /// Requests that were sent late because every connection was waiting for an answer. Open loop only.
    pub(super) queued: u64,
    /// Answers with a due instant other than the one that was asked for.
    pub(super) misdated: u64,
    pub(super) errors: BTreeMap<String, Errors>,
    started: Option<Instant>,
    last_answer: Option<Instant>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Errors {
    pub(super) count: u64,
    pub(super) first_texts: Vec<String>,
}

impl Creation {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            created: 0,
            failed: 0,
            latency: Spread::new()?,
            lag: Spread::new()?,
            queued: 0,
            misdated: 0,
            errors: BTreeMap::new(),
            started: None,
            last_answer: None,
        })
    }

    pub(super) fn start(&mut self, now: Instant) {
        self.started = Some(now);
    }

    pub(super) fn created(&mut self, intended: Instant, answered: Instant, as_asked: bool) {
        self.created += 1;
        self.misdated += u64::from(!as_asked);
        self.latency
            .record(i64::try_from(micros(answered.saturating_duration_since(intended))).unwrap_or(i64::MAX));
        self.last_answer = self.last_answer.max(Some(answered));
    }

    pub(super) fn failed(&mut self, kind: &str, text: &str, at: Instant) {
        self.failed += 1;
        self.last_answer = self.last_answer.max(Some(at));
        if !self.errors.contains_key(kind) {
            self.errors.insert(kind.to_owned(), Errors::default());
        }
        if let Some(errors) = self.errors.get_mut(kind) {
            errors.count += 1;
            let text: String = text.trim().chars().take(TEXT_CHARS).collect();
            if errors.first_texts.len() < TEXTS_KEPT
                && !text.is_empty()
                && !errors.first_texts.contains(&text)
            {
                errors.first_texts.push(text);
            }
        }
    }

    /// From the start until the last answer, good or bad.
    pub(super) fn lasted(&self) -> Duration {
        match (self.started, self.last_answer) {
            (Some(started), Some(last)) => last.saturating_duration_since(started),
            (None, _) | (_, None) => Duration::ZERO,
        }
    }

    pub(super) fn per_second(&self) -> f64 {
        let seconds = self.lasted().as_secs_f64();
        if seconds > 0.0 { self.created as f64 / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock;
    use super::*;

    #[test]
    fn the_rate_counts_answers_up_to_the_last_one_good_or_bad() {
        let start = clock::now();
        let mut creation = Creation::new().unwrap();
        creation.start(start);
        creation.created(start, start + Duration::from_secs(1), true);
        creation.failed("503", "away", start + Duration::from_secs(2));
        assert_eq!((creation.created, creation.failed), (1, 1));
        assert_eq!(creation.lasted(), Duration::from_secs(2));
        assert_eq!(creation.per_second(), 0.5);
    }

    #[test]
    fn latency_runs_from_the_intended_instant() {
        let start = clock::now();
        let mut creation = Creation::new().unwrap();
        creation.created(start, start + Duration::from_millis(7), true);
        assert_eq!(creation.latency.summary().unwrap().max_ms, 7.0);
    }

    #[test]
    fn errors_keep_their_first_different_texts_cut_short() {
        let mut creation = Creation::new().unwrap();
        for text in ["a", "a", "b", &"c".repeat(500), "d"] {
            creation.failed("500", text, clock::now());
        }
        let errors = &creation.errors["500"];
        assert_eq!(errors.count, 5);
        assert_eq!(errors.first_texts, ["a".to_owned(), "b".to_owned(), "c".repeat(200)]);
    }

    #[test]
    fn a_run_without_answers_has_no_rate() {
        assert_eq!(Creation::new().unwrap().per_second(), 0.0);
    }
}
