//! The report for programs: one flat object whose names carry their units and do not change.
//!
//! A number that the run did not measure is null and not left out.

use serde_json::{Map, Value, json};

use super::memory::Footprint;
use super::report::Report;
use super::spread::Summary;

pub(super) fn render(report: &Report) -> Value {
    let creation = &report.creation;
    let webhooks = report.webhooks.as_ref();
    let counts = webhooks.map(|webhooks| webhooks.counts);
    let drain = webhooks.and_then(|webhooks| webhooks.drain.as_ref());
    let reasons = report.reasons();
    let errors: Vec<Value> = creation
        .errors
        .iter()
        .map(|(kind, errors)| json!({ "kind": kind, "count": errors.count, "first_texts": errors.first_texts }))
        .collect();
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    put("timers", json!(report.timers));
    put("connections", json!(report.connections));
    put("per_request", json!(report.per_request));
    put("rate_per_s", json!(report.rate_per_s));
    put("delivery", json!(report.delivery.name()));
    put("created", json!(creation.count));
    put("create_failed", json!(creation.failed));
    put("create_duration_s", json!(creation.lasted.as_secs_f64()));
    put("created_per_s", json!(creation.per_second));
    put("create_queued", json!(report.rate_per_s.map(|_| creation.queued)));
    put("create_misdated", json!(creation.misdated));
    put("create_errors", Value::Array(errors));
    put("delivered", json!(counts.map(|counts| counts.delivered)));
    put("missing", json!(counts.map(|counts| counts.missing)));
    put("pending", json!(counts.map(|counts| counts.pending)));
    put("duplicate", json!(counts.map(|counts| counts.duplicate)));
    put("early", json!(counts.map(|counts| counts.early)));
    put("unexpected", json!(counts.map(|counts| counts.unexpected)));
    put("sink_lacked_files", json!(webhooks.map(|webhooks| webhooks.sink_lacked_files)));
    put("drain_s", json!(drain.map(|drain| drain.seconds)));
    put("drained_per_s", json!(drain.map(|drain| drain.per_second)));
    put("rss", report.memory.iter().map(memory).collect());
    put("interrupted", json!(report.interrupted));
    put("passed", json!(reasons.is_empty()));
    put("failed_because", json!(reasons));
    spread(&mut fields, "create_latency", creation.latency.as_ref());
    spread(&mut fields, "create_lag", creation.lag.as_ref());
    spread(&mut fields, "lateness", webhooks.and_then(|webhooks| webhooks.lateness.as_ref()));
    Value::Object(fields)
}

fn spread(fields: &mut Map<String, Value>, of: &str, summary: Option<&Summary>) {
    for (position, name) in Summary::NAMES.iter().enumerate() {
        let value = summary.map(|summary| summary.values_ms()[position]);
        // "p999", because a dot in a name is trouble for most readers of JSON.
        fields.insert(format!("{of}_{}_ms", name.replace('.', "")), json!(value));
    }
}

fn memory(footprint: &Footprint) -> Value {
    json!({
        "pid": footprint.pid,
        "start_bytes": footprint.start_bytes,
        "end_bytes": footprint.end.map(|end| end.now_bytes),
        "peak_bytes": footprint.end.map(|end| end.peak_bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::passing;
    use super::*;

    const NAMES: &str = "connections create_duration_s create_errors create_failed create_lag_max_ms create_lag_min_ms create_lag_p50_ms \
        create_lag_p90_ms create_lag_p999_ms create_lag_p99_ms create_latency_max_ms create_latency_min_ms create_latency_p50_ms \
        create_latency_p90_ms create_latency_p999_ms create_latency_p99_ms create_misdated create_queued created created_per_s \
        delivered delivery drain_s drained_per_s duplicate early failed_because interrupted lateness_max_ms lateness_min_ms \
        lateness_p50_ms lateness_p90_ms lateness_p999_ms lateness_p99_ms missing passed pending per_request rate_per_s rss sink_lacked_files \
        timers unexpected";

    fn names(report: &Report) -> Vec<String> {
        let mut names: Vec<String> = render(report).as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    }

    #[test]
    fn the_names_are_the_same_whatever_was_measured() {
        let mut create_only = passing();
        create_only.webhooks = None;
        let expected: Vec<&str> = NAMES.split_whitespace().collect();
        assert_eq!(names(&passing()), expected);
        assert_eq!(names(&create_only), expected);
    }

    #[test]
    fn what_was_not_measured_is_null() {
        let mut create_only = passing();
        create_only.webhooks = None;
        let json = render(&create_only);
        assert_eq!(
            (&json["missing"], &json["lateness_p99_ms"], &json["create_latency_p99_ms"]),
            (&Value::Null, &Value::Null, &json!(12.5))
        );
    }
}
