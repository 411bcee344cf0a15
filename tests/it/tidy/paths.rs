//! A path or a heading that a text names exists.

use super::{assert_none, documents, exists, outside_of_code_blocks, root, sources};

/// The beginnings by which a word in backticks is known to be a path.
const FOLDERS: [&str; 10] =
    ["src/", "rules/", "tests/", "scripts/", "docs/", "nats/", "packaging/", "examples/", "fuzz/", ".ci/"];

const ADVICE: &str =
    "Name the file or folder that is there now. A path in backticks is one from the root of the repository.";

/// The paths in backticks on a line. A pattern, or a name with a placeholder, is not a path.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let spans = line.split('`').skip(1).step_by(2);
    let words = spans.filter_map(|span| span.split(' ').next());
    let words = words.map(|word| word.trim_end_matches(['.', ',', ';', ':']));
    words.filter(|word| {
        FOLDERS.iter().any(|folder| word.starts_with(*folder)) && !word.contains(['*', '<', '{', '…'])
    })
}

/// The paths on a line that do not exist.
fn missing(path: &str, number: usize, line: &str) -> Vec<String> {
    let missing = paths(line).filter(|word| !exists(word));
    missing.map(|word| format!("{path}:{number}: there is no {word}")).collect()
}

#[test]
fn each_path_that_a_document_names_exists() {
    let mut faults = vec![];
    for document in documents() {
        for (number, line) in outside_of_code_blocks(&document.text) {
            faults.extend(missing(&document.path, number, line));
        }
    }
    assert_none(&faults, ADVICE);
}

#[test]
fn each_path_that_a_comment_names_exists() {
    let mut faults = vec![];
    for source in sources(&["src", "rules/src", "tests", "examples", "fuzz"]) {
        for (number, line) in (1..).zip(source.lexed.comments.lines()) {
            faults.extend(missing(&source.path, number, line));
        }
    }
    assert_none(&faults, ADVICE);
}

/// The texts of literals without the marks of Rust: escaped quotes, and ends of lines that are not in the text.
fn unescaped(literals: &str) -> String {
    let lines = literals.split("\\\n").enumerate();
    let joined: String =
        lines.map(|(number, line)| if number == 0 { line } else { line.trim_start() }).collect();
    joined.replace("\\\"", "\"")
}

/// The documents that a text names, such as `docs/nats.md, "Backup"`, with the heading if it has one.
fn named_documents(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut named = vec![];
    for (at, _) in text.match_indices("docs/") {
        let rest = &text[at..];
        let length = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '/' | '-' | '_' | '.'));
        let name = rest[..length.unwrap_or(rest.len())].trim_end_matches('.');
        if name.ends_with(".md") {
            let heading = rest[name.len()..].strip_prefix(", \"").and_then(|rest| rest.split_once('"'));
            named.push((name, heading.map(|(heading, _)| heading)));
        }
    }
    named
}

fn has_heading(document: &str, heading: &str) -> bool {
    let text = std::fs::read_to_string(root().join(document)).unwrap_or_default();
    outside_of_code_blocks(&text)
        .any(|(_, line)| line.starts_with('#') && line.trim_start_matches(['#', ' ']) == heading)
}

#[test]
fn each_document_and_heading_to_which_a_message_sends_its_reader_exists() {
    let (mut faults, mut headings) = (vec![], 0);
    for source in sources(&["src", "tests"]) {
        for (document, heading) in named_documents(&unescaped(&source.lexed.literals)) {
            let number = source.text.lines().position(|line| line.contains(document)).unwrap_or_default() + 1;
            let place = format!("{}:{number}", source.path);
            if !exists(document) {
                faults.push(format!("{place}: there is no {document}"));
            } else if let Some(heading) = heading {
                headings += 1;
                if !has_heading(document, heading) {
                    faults.push(format!("{place}: {document} has no heading \"{heading}\""));
                }
            }
        }
    }
    assert_none(&faults, "Name the document and the heading that are there now.");
    assert!(headings >= 5, "only {headings} headings were found in messages");
}
