//! Each link from a document to another file, or to a heading, leads somewhere.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::{File, assert_none, documents, files, outside_of_code_blocks, root};

/// The targets of the links on a line, in Markdown and in HTML. Code has no links.
fn targets(line: &str) -> Vec<String> {
    let prose: String = line.split('`').step_by(2).collect();
    let mut found = vec![];
    for (begin, end) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
        for after in prose.split(begin).skip(1) {
            // A title may follow the target.
            let target = after.split([end, ' ']).next().unwrap_or_default();
            found.push(target.to_owned());
        }
    }
    found
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> HashSet<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let headings = outside_of_code_blocks(text).filter(|(_, line)| line.starts_with('#'));
    let anchors = headings.map(|(_, line)| {
        let anchor = anchor(line.trim_start_matches('#').trim());
        let earlier = seen.entry(anchor.clone()).or_default();
        *earlier += 1;
        if *earlier == 1 { anchor } else { format!("{anchor}-{}", *earlier - 1) }
    });
    anchors.collect()
}

/// The anchor of a heading: without the targets of links and without punctuation.
fn anchor(heading: &str) -> String {
    let mut parts = heading.split("](");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

/// What is wrong with a link, if anything is.
fn wrong(document: &File, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match path {
        "" => root().join(&document.path),
        path => root().join(&document.path).parent().unwrap_or(Path::new("")).join(path),
    };
    if !path.exists() {
        return Some(format!("{target} leads nowhere"));
    }
    if anchor.is_empty() || path.extension().is_none_or(|ending| ending != "md") {
        return None;
    }
    let text = std::fs::read_to_string(path).unwrap();
    (!anchors(&text).contains(anchor)).then(|| format!("{target} leads to no heading"))
}

#[test]
fn each_link_between_documents_leads_somewhere() {
    let (mut faults, mut checked) = (vec![], 0);
    for document in documents().into_iter().chain(files("examples", ".md")) {
        for (number, line) in outside_of_code_blocks(&document.text) {
            for target in targets(line) {
                checked += 1;
                let wrong = wrong(&document, &target);
                faults.extend(wrong.map(|wrong| format!("{}:{number}: {wrong}", document.path)));
            }
        }
    }
    assert_none(
        &faults,
        "Correct the path from the document's folder, or the anchor: a heading in small letters, with - for spaces.",
    );
    assert!(checked > 100, "only {checked} links were found");
}

#[test]
fn an_anchor_is_what_github_makes_of_a_heading() {
    let text = "# What [exists](nats.md), `and` what's not\n\n```\n# code\n```\n## Limits\n## Limits\n";
    let expected = ["what-exists-and-whats-not", "limits", "limits-1"].map(str::to_owned);
    assert_eq!(anchors(text), HashSet::from(expected));
    assert_eq!(targets("[a](b.md#c), `[d](e)` and <img src=\"f.webp\">"), ["b.md#c", "f.webp"]);
}
