//! The report on the terminal: a line for each check, with advice below it if there is any; or JSON.

use std::fmt::Write as _;

use super::{Check, Report, Status};
use crate::commands::options::DoctorOutput;

/// The column where the text of a line begins, after the mark and the longest usual name.
const INDENT: usize = 26;

/// The width of advice, in columns.
const WIDTH: usize = 100;

#[expect(clippy::print_stdout, reason = "what was asked for")]
pub(super) fn report(report: &Report, output: DoctorOutput) {
    match output {
        DoctorOutput::Text => print!("{}", text(report)),
        DoctorOutput::Json => println!("{}", serde_json::to_string_pretty(report).unwrap_or_default()),
    }
}

#[expect(clippy::print_stderr, reason = "the last word to the person who asked")]
pub(super) fn failure(error: &anyhow::Error) {
    eprintln!("jettimer doctor: cannot check the timers: {error:#}");
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let (name, says) = (&check.name, clean(&check.says));
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:<6}{name:<20}{says}", mark(check.status));
        for line in check.advice.iter().flat_map(|advice| wrapped(advice)) {
            let _ = writeln!(text, "{:INDENT$}{line}", "");
        }
        if !check.timers.is_empty() {
            let _ = writeln!(text, "{:INDENT$}{}", "", examples(check));
        }
    }
    let _ = writeln!(text, "\n{}", summary(&report.checks));
    text
}

fn mark(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Finding => "BAD",
        Status::Repaired => "fixed",
        Status::Unknown => "?",
    }
}

fn examples(check: &Check) -> String {
    format!("for example {}", check.timers.join(", "))
}

fn summary(checks: &[Check]) -> String {
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let mut parts = vec![match count(Status::Finding) {
        0 => "Nothing is wrong".to_owned(),
        1 => "1 finding".to_owned(),
        findings => format!("{findings} findings"),
    }];
    let repaired = count(Status::Repaired);
    let unknown = count(Status::Unknown);
    parts.extend((repaired > 0).then(|| format!("{repaired} repaired")));
    parts.extend((unknown > 0).then(|| format!("{unknown} could not be checked")));
    parts.join(", ") + "."
}

/// Names of nodes and servers come from others. So characters that a terminal would obey are shown as their numbers.
fn clean(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut cleaned, c| {
        if c.is_control() {
            cleaned.extend(c.escape_default())
        } else {
            cleaned.push(c)
        }
        cleaned
    })
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH - INDENT => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn each_check_has_a_line_and_what_to_do_is_below_it() {
        let orphan = Check {
            status: Status::Repaired,
            timers: vec!["0198c0de-0000-7000-8000-000000000001".to_owned()],
            ..Check::ok("timers.orphan", "1 wakes of no timer")
        };
        let checks = vec![
            Check::ok("server", "nats-server 2.15.1, with JetStream"),
            Check::finding(
                "TIMERS",
                "is missing",
                "A node that runs creates it within seconds and fills it from the records; so does --repair.",
            ),
            Check::unknown("sync", "not visible\u{1b}[31m", "Ask a server itself."),
            orphan,
        ];
        expect![[r#"
            ok    server              nats-server 2.15.1, with JetStream
            BAD   TIMERS              is missing
                                      A node that runs creates it within seconds and fills it from the records;
                                      so does --repair.
            ?     sync                not visible\u{1b}[31m
                                      Ask a server itself.
            fixed timers.orphan       1 wakes of no timer
                                      for example 0198c0de-0000-7000-8000-000000000001

            1 finding, 1 repaired, 1 could not be checked.
        "#]]
        .assert_eq(&text(&Report { healthy: false, checks }));
    }
}
