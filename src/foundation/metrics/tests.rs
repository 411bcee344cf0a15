use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use rules::domain::state_kind::PerKind;

/// Each metric with its type and labels, as scrapers and docs/metrics.md see it.
type Known = BTreeMap<String, (String, BTreeSet<String>)>;

const DOCS: &str = include_str!("../../../docs/metrics.md");

/// All metrics, each with at least one series.
fn all() -> Metrics {
    let metrics = Metrics::new("1.2.3", Parts { serves: true, works: true, indexes: true });
    metrics.http.ended("create_timer", Some(201), Duration::from_millis(1));
    let by_state = PerKind::default();
    let known =
        index::IndexContents { timers: 1, bytes: 1, complete: true, by_state, overdue: 0, held_up: 0 };
    let (limit, bytes_limit) = (1, 1);
    metrics.index.show(&Indexed { limit, bytes_limit, known: Some(known), lag: None, last_change_micros: 0 });
    metrics
}

fn shown(metrics: &Metrics) -> Known {
    let text = metrics.write(Format::Prometheus);
    let mut known = Known::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').unwrap();
            assert!(
                known.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new())).is_none(),
                "{name} twice"
            );
        } else if !line.starts_with('#') {
            let labels =
                line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(all, _)| all);
            let names = labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name);
            let name = line.split(['{', ' ']).next().unwrap();
            let family = family(name, |name| known.contains_key(name)).unwrap();
            known.get_mut(&family).unwrap().1.extend(names.filter(|name| *name != "le").map(str::to_owned));
        }
    }
    known
}

/// The metric that a sample's name belongs to.
fn family(sample: &str, is_known: impl Fn(&str) -> bool) -> Option<String> {
    let bare = ["", "_bucket", "_sum", "_count"].into_iter().filter_map(|end| sample.strip_suffix(end));
    bare.filter(|name| is_known(name)).map(str::to_owned).next()
}

fn documented() -> Known {
    let rows = DOCS.lines().filter(|line| line.starts_with("| `jettimer_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[3].split(',').map(|label| label.trim().trim_matches('`'));
        let labels = labels.filter(|label| !label.is_empty()).map(str::to_owned).collect();
        (cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), labels))
    })
    .collect()
}

#[test]
fn the_docs_have_each_metric_with_its_type_and_labels_and_no_other() {
    assert_eq!(shown(&all()), documented());
}

#[test]
fn the_docs_and_their_alerts_name_no_metric_that_there_is_not() {
    let known = documented();
    let words = DOCS.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    for word in words.filter(|word| word.starts_with("jettimer_")) {
        assert!(family(word, |name| known.contains_key(name)).is_some(), "{word}");
    }
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for (name, (kind, labels)) in shown(&all()) {
        assert!(name.starts_with("jettimer_"), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name} has no base unit");
        for unit in ["_ms", "_millis", "_milliseconds", "_micros", "_minutes", "_kb"] {
            assert!(!name.contains(unit), "{name} has no base unit");
        }
        for label in ["id", "timer", "host", "url", "token", "name"] {
            assert!(!labels.contains(label), "{name} has the label {label}, of which there may be many");
        }
    }
}

#[test]
fn a_node_shows_what_it_does_and_in_both_formats() {
    let worker = shown(&Metrics::new("1", Parts { works: true, ..Parts::default() }));
    assert!(worker.contains_key("jettimer_lateness_seconds") && worker.contains_key("jettimer_nats_up"));
    assert!(
        !worker.contains_key("jettimer_index_ready") && !worker.contains_key("jettimer_timer_writes_total")
    );
    let open = all().write(Format::OpenMetrics);
    assert!(
        open.contains("# TYPE jettimer_wakes counter\n") && open.contains("\njettimer_wakes_total{"),
        "{open}"
    );
    assert!(
        open.contains("# UNIT jettimer_lateness_seconds seconds\n") && open.ends_with("# EOF\n"),
        "{open}"
    );
}
