//! Whether nodes are set up alike, as far as they tell.

use std::collections::BTreeSet;

use super::Check;
use rules::presence::{Beat, Difference, Life, Setup};

/// A finding for each setting in which running nodes differ; one good check if they do not differ.
pub(super) fn of_nodes<'a>(beats: impl Iterator<Item = &'a Beat>) -> Vec<Check> {
    let told: Vec<(&str, &Setup)> = beats
        .filter(|beat| beat.life == Life::Running)
        .filter_map(|beat| Some((beat.node.name.as_str(), beat.node.setup.as_ref()?)))
        .collect();
    let findings: Vec<Check> =
        Difference::EACH.into_iter().filter_map(|difference| finding(difference, &told)).collect();
    if findings.is_empty() && !told.is_empty() {
        return vec![Check::ok("setup", format!("{} nodes are set up alike", told.len()))];
    }
    findings
}

/// The pairs of each node and the first one that it differs from in this setting; `None` without such a pair.
fn finding(difference: Difference, told: &[(&str, &Setup)]) -> Option<Check> {
    let mut names = BTreeSet::new();
    for (at, (name, setup)) in told.iter().enumerate() {
        let differs = |(_, other): &&(&str, &Setup)| setup.differences(other).contains(&difference);
        if let Some((other, _)) = told[..at].iter().find(differs) {
            names.insert(format!("{name} and {other}"));
        }
    }
    let pairs: Vec<String> = names.into_iter().collect();
    let (name, says) =
        (format!("setup.{}", difference.name()), format!("nodes differ: {}", pairs.join(", ")));
    (!pairs.is_empty()).then(|| Check::finding(&name, says, &capital(difference.meaning())))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}
