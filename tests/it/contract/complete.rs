//! Every problem has a snapshot.

use std::collections::BTreeSet;

/// The files with the snapshots of problems.
const SNAPSHOTS: [&str; 5] = [
    include_str!("access.rs"),
    include_str!("lists.rs"),
    include_str!("node_problems.rs"),
    include_str!("request_problems.rs"),
    include_str!("timer_problems.rs"),
];

/// The document with every problem under its own heading; `api::problem` compares it with the code.
const DOCUMENTED: &str = include_str!("../../../docs/errors.md");

/// The problems that no request can provoke, and why.
const UNPROVOKED: [(&str, &str); 2] = [
    ("internal", "only a fault of jettimer's own makes it; `api::gate` has a test of its answer"),
    ("memory-full", "it takes 24 MiB of a client that does not end; `memory` has tests of it"),
];

#[test]
fn every_problem_has_a_snapshot_or_a_reason_why_not() {
    let documented: BTreeSet<&str> =
        DOCUMENTED.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`')).collect();
    let shown = |kind: &str| {
        let of_kind = format!("\"type\": \"urn:jettimer:problem:{kind}\"");
        SNAPSHOTS.iter().any(|snapshots| snapshots.contains(&of_kind))
    };
    let unprovoked: BTreeSet<&str> = UNPROVOKED.iter().map(|(kind, _)| *kind).collect();
    let missing: Vec<&&str> =
        documented.iter().filter(|kind| !shown(kind) && !unprovoked.contains(*kind)).collect();
    assert!(missing.is_empty(), "no snapshot has {missing:?}");
    for kind in unprovoked {
        assert!(documented.contains(kind) && !shown(kind), "{kind} is provoked after all");
    }
}
