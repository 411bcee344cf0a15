//! The results of runs, for people: a line for each run, all details of violations, and the counts of all runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::history::{Happened, History};
use crate::oracle::{Violation, brought_back};
use crate::story;

/// Counts over all runs.
#[derive(Default)]
pub(crate) struct Tally {
    runs: u64,
    failed: Vec<String>,
    broken: u64,
    faults: BTreeMap<&'static str, u64>,
    skipped: BTreeMap<String, u64>,
    asked: u64,
    told: u64,
    timers: u64,
    calls: u64,
    /// The number of timers by final state.
    ended: BTreeMap<String, u64>,
    killed: u64,
    /// The findings of sweeps by kind.
    swept: BTreeMap<String, u64>,
    brought_back: u64,
}

/// A wait for the end that the report mentions, in seconds: longer than a lease and a change of leader.
const LONG_WAIT_S: u64 = 30;

/// The line of one run.
pub(crate) fn line(name: &str, history: &History, found: &[Violation], seconds: f64) -> String {
    let named = |happened: &Happened| match happened.skipped {
        None => happened.fault.what.kind().to_owned(),
        Some(_) => format!("({} skipped)", happened.fault.what.kind()),
    };
    let faults: Vec<String> = history.faults.iter().map(named).collect();
    let unknown = history.end.timers.iter().filter(|timer| timer.state == "unknown").count();
    let (waited, reason) = &history.end.waited;
    let slow = if *waited > LONG_WAIT_S {
        format!("; waited {waited} s, at last since {reason}")
    } else {
        String::new()
    };
    let swept = match history.end.swept.is_empty() {
        true => String::new(),
        false => format!("; swept {:?}", history.end.swept),
    };
    let restored = match brought_back(history) {
        0 => String::new(),
        count => format!("; {count} brought back, and unknown"),
    };
    format!(
        "{name}: {} after {seconds:.0} s; {} timers, {} calls, {unknown} unknown; {}{restored}{swept}{slow}",
        if found.is_empty() { "ok".to_owned() } else { format!("{} VIOLATIONS", found.len()) },
        history.end.timers.len(),
        history.calls.len(),
        faults.join(" ")
    )
}

/// The report tells the whole story of at most this many timers with violations.
const STORIES: usize = 5;

/// The report writes out at most this many violations.
const LINES: usize = 20;

/// How often each promise was broken.
fn by_promise(found: &[Violation]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    found.iter().for_each(|violation| *counts.entry(violation.promise).or_default() += 1);
    let counts = counts.iter().map(|(promise, count)| format!("{count} times \"{promise}\""));
    counts.collect::<Vec<_>>().join(", ")
}

/// The violations of a run, its faults as they happened, and the stories of the timers.
pub(crate) fn violations(history: &History, found: &[Violation]) -> String {
    let mut text = String::new();
    for violation in found.iter().take(LINES) {
        let _ = writeln!(text, "  {violation}");
    }
    if found.len() > LINES {
        let _ = writeln!(text, "  {} in all: {}", found.len(), by_promise(found));
    }
    for happened in &history.faults {
        let since = |at: u64| at.saturating_sub(history.began) / 1_000;
        let skipped = happened.skipped.as_ref().map(|why| format!(" skipped: {why}")).unwrap_or_default();
        let (from, to) = (since(happened.began), since(happened.ended));
        let _ = writeln!(text, "  {from}..{to} ms {} {}{skipped}", happened.fault, happened.whom);
    }
    let items: BTreeSet<usize> = found.iter().filter_map(|violation| violation.item).collect();
    items.into_iter().take(STORIES).for_each(|item| text.push_str(&story::of(history, item)));
    text
}

impl Tally {
    /// Adds a run.
    pub(crate) fn add(&mut self, name: &str, history: &History, found: &[Violation]) {
        self.runs += 1;
        if !found.is_empty() {
            self.failed.push(name.to_owned());
        }
        for happened in &history.faults {
            match &happened.skipped {
                None => *self.faults.entry(happened.fault.what.kind()).or_default() += 1,
                Some(why) => {
                    let what = format!("{}: {why}", happened.fault.what.kind());
                    *self.skipped.entry(what).or_default() += 1;
                }
            }
        }
        self.asked += history.requests.len() as u64;
        self.told += history.requests.iter().filter(|request| request.told.is_some()).count() as u64;
        self.timers += history.end.timers.len() as u64;
        self.calls += history.calls.len() as u64;
        self.killed += history.lives.iter().filter(|life| life.ended.is_some()).count() as u64;
        for (kind, count) in &history.end.swept {
            *self.swept.entry(kind.clone()).or_default() += count;
        }
        self.brought_back += brought_back(history) as u64;
        for timer in &history.end.timers {
            *self.ended.entry(timer.state.clone()).or_default() += 1;
        }
    }

    /// Counts a run that did not end, because the runner itself failed.
    pub(crate) fn broke(&mut self) {
        self.broken += 1;
    }

    pub(crate) fn all_well(&self) -> bool {
        self.failed.is_empty() && self.broken == 0
    }

    /// The counts as text.
    pub(crate) fn text(&self) -> String {
        let counts = |counts: &BTreeMap<_, u64>| {
            let each = counts.iter().map(|(name, count)| format!("{count} {name}"));
            each.collect::<Vec<_>>().join(", ")
        };
        let ended: Vec<String> = self.ended.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let mut text = format!(
            "{} runs, {} with violations, and {} that could not be run; {} faults: {}\n{} requests, {} with a definite answer; {} timers: {}; {} calls; \
             {} ends of a node's process\n",
            self.runs,
            self.failed.len(),
            self.broken,
            self.faults.values().sum::<u64>(),
            counts(&self.faults),
            self.asked,
            self.told,
            self.timers,
            ended.join(", "),
            self.calls,
            self.killed,
        );
        if !self.swept.is_empty() {
            let swept: Vec<String> =
                self.swept.iter().map(|(name, count)| format!("{count} {name}")).collect();
            let _ = writeln!(text, "found by sweeps: {}", swept.join(", "));
        }
        if self.brought_back > 0 {
            let _ = writeln!(text, "brought back, not called, and unknown: {} timers", self.brought_back);
        }
        for (what, count) in &self.skipped {
            let _ = writeln!(text, "skipped {count} times: {what}");
        }
        if !self.failed.is_empty() {
            let _ = writeln!(text, "violations in: {}", self.failed.join(", "));
        }
        text
    }
}
