//! The report for people: one aligned block, with the verdict in its last line.

use std::fmt::{self, Display, Formatter};

use super::creation::Errors;
use super::memory::Footprint;
use super::report::{Created, Drain, Report, Webhooks};
use super::spread::Summary;

const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;

pub(super) struct Text<'a>(pub(super) &'a Report);

impl Display for Text<'_> {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        creation(to, report)?;
        if let Some(webhooks) = &report.webhooks {
            received(to, webhooks)?;
        }
        for footprint in &report.memory {
            memory(to, footprint)?;
        }
        for (kind, errors) in &report.creation.errors {
            failures(to, kind, errors)?;
        }
        notes(to, report)?;
        match report.reasons().as_slice() {
            [] => line(to, "verdict", "passed"),
            reasons => line(to, "verdict", &format!("FAILED: {}", reasons.join(", "))),
        }
    }
}

fn line(to: &mut Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    writeln!(to, "{label:<10}{text}")
}

fn spread(to: &mut Formatter<'_>, label: &str, summary: Option<&Summary>) -> fmt::Result {
    let Some(summary) = summary else {
        return line(to, label, "-");
    };
    let named = Summary::NAMES.iter().zip(summary.values_ms());
    let numbers: Vec<String> = named.map(|(name, ms)| format!("{name} {ms:>9.2}")).collect();
    line(to, label, &format!("{}  ms", numbers.join("  ")))
}

fn creation(to: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let Created { count, failed, lasted, per_second, latency, lag, queued, .. } = &report.creation;
    let loop_kind =
        report.rate_per_s.map_or_else(|| "closed loop".to_owned(), |rate| format!("open loop at {rate}/s"));
    let (timers, connections, seconds) = (report.timers, report.connections, lasted.as_secs_f64());
    let per_request = match report.per_request {
        1 => String::new(),
        count => format!(", {count} timers a request"),
    };
    line(
        to,
        "create",
        &format!(
            "{count} of {timers} in {seconds:.3} s: {per_second:.1}/s  ({loop_kind}, {connections} connections{per_request})"
        ),
    )?;
    line(to, "", &format!("failed {failed}"))?;
    spread(to, "latency", latency.as_ref())?;
    if report.rate_per_s.is_some() {
        spread(to, "own lag", lag.as_ref())?;
        line(to, "", &format!("sent late because every connection was busy {queued}"))?;
    }
    Ok(())
}

fn received(to: &mut Formatter<'_>, webhooks: &Webhooks) -> fmt::Result {
    let counts = webhooks.counts;
    line(
        to,
        "webhooks",
        &format!("delivered {}  missing {}  pending {}", counts.delivered, counts.missing, counts.pending),
    )?;
    line(
        to,
        "",
        &format!("duplicate {}  early {}  unexpected {}", counts.duplicate, counts.early, counts.unexpected),
    )?;
    spread(to, "lateness", webhooks.lateness.as_ref())?;
    match &webhooks.drain {
        Some(Drain { seconds, per_second }) => line(
            to,
            "drain",
            &format!("last webhook {seconds:.3} s after the common due instant: {per_second:.1}/s"),
        ),
        None => Ok(()),
    }
}

fn memory(to: &mut Formatter<'_>, footprint: &Footprint) -> fmt::Result {
    let mib = |bytes: u64| bytes as f64 / BYTES_PER_MIB;
    let start = mib(footprint.start_bytes);
    let end = match footprint.end {
        Some(end) => format!("end {:.1}  peak {:.1} MiB", mib(end.now_bytes), mib(end.peak_bytes)),
        None => "MiB, and gone at the end".to_owned(),
    };
    line(to, "rss", &format!("pid {}  start {start:.1}  {end}", footprint.pid))
}

fn failures(to: &mut Formatter<'_>, kind: &str, errors: &Errors) -> fmt::Result {
    line(to, "error", &format!("{} x {kind}", errors.count))?;
    errors.first_texts.iter().try_for_each(|text| line(to, "", text))
}

fn notes(to: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let misdated = report.creation.misdated;
    if misdated > 0 {
        line(
            to,
            "note",
            &format!(
                "{misdated} answers had a due_at that differs from the requested one by more than 1 ms:"
            ),
        )?;
        line(to, "", "the service rounds, or the two clocks differ; lateness is measured from due_at")?;
    }
    if report.webhooks.as_ref().is_some_and(|webhooks| webhooks.sink_lacked_files) {
        line(
            to,
            "note",
            "the sink had too many open files and left connections waiting: raise the limit (ulimit -n)",
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::memory::Resident;
    use super::super::report::tests::{SUMMARY, passing};
    use super::*;

    #[test]
    fn a_passing_run_reads_like_this() {
        assert_eq!(
            Text(&passing()).to_string(),
            "\
create    100 of 100 in 0.500 s: 200.0/s  (closed loop, 8 connections)
          failed 0
latency   min      0.25  p50      1.00  p90      2.00  p99     12.50  p99.9    125.00  max   1250.12  ms
webhooks  delivered 100  missing 0  pending 0
          duplicate 0  early 0  unexpected 0
lateness  min      0.25  p50      1.00  p90      2.00  p99     12.50  p99.9    125.00  max   1250.12  ms
verdict   passed
"
        );
    }

    #[test]
    fn a_failing_open_loop_burst_says_everything_it_knows() {
        let mut report = passing();
        report.rate_per_s = Some(200);
        report.creation.lag = Some(SUMMARY);
        report.creation.failed = 2;
        report.creation.misdated = 1;
        report.creation.errors =
            vec![("503".to_owned(), Errors { count: 2, first_texts: vec!["Unavailable: away".to_owned()] })];
        report.memory = vec![
            Footprint {
                pid: 7,
                start_bytes: 1 << 20,
                end: Some(Resident { now_bytes: 2 << 20, peak_bytes: 3 << 20 }),
            },
            Footprint { pid: 8, start_bytes: 1 << 20, end: None },
        ];
        if let Some(webhooks) = &mut report.webhooks {
            webhooks.drain = Some(Drain { seconds: 0.25, per_second: 400.0 });
            webhooks.sink_lacked_files = true;
        }
        let text = Text(&report).to_string();
        for expected in [
            "(open loop at 200/s, 8 connections)\n",
            "own lag   min      0.25",
            "drain     last webhook 0.250 s after the common due instant: 400.0/s\n",
            "rss       pid 7  start 1.0  end 2.0  peak 3.0 MiB\n",
            "rss       pid 8  start 1.0  MiB, and gone at the end\n",
            "error     2 x 503\n          Unavailable: away\n",
            "note      1 answers had a due_at that differs",
            "note      the sink had too many open files",
            "verdict   FAILED: 2 creates failed\n",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
        }
    }
}
