//! Phrases that docs/STYLE.md replaces do not come back.

use super::{assert_none, documents, sources};

/// Phrases that docs/STYLE.md replaces, and what to write instead. Some words of its table are good in another sense; those are not
/// here, and a reviewer finds them.
const PHRASES: &[(&str, &str)] = &[
    ("all the same", "anyway"),
    ("anew", "again"),
    ("any more", "no longer"),
    ("are none", "are not"),
    ("callee", "receiver"),
    ("endpoint", "receiver, or operation of the API"),
    ("endpoints", "receivers, or operations of the API"),
    ("fixme", "the reason, or repair it"),
    ("heed", "honour"),
    ("heeded", "honoured"),
    ("heeds", "honours"),
    ("how it went", "outcome"),
    ("in order to", "to"),
    ("is none", "is not a"),
    ("jam", "backlog"),
    ("looked whether", "checked whether, with the actor"),
    ("mend", "repair"),
    ("mended", "repaired"),
    ("mends", "repairs"),
    ("nobody", "no node, no client"),
    ("pushed back", "postponed"),
    ("sign of life", "heartbeat"),
    ("signs of life", "heartbeats"),
    ("simply", "the statement without it"),
    ("slowness", "lateness"),
    ("somebody", "a client, any user"),
    ("todo", "the reason, or do it"),
    ("twin", "replica"),
    ("what became of", "outcome"),
    ("whatever is down", "any server that is down"),
    ("whoever", "a client that, any user who"),
    ("whomever", "any user whom"),
];

/// The end of a sentence or of a part of it.
const END: &str = "";

/// The words of a text in small letters, each with the number of its line.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = vec![];
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start_matches(['/', '!', '*', '#', ' ']);
        if line.is_empty() {
            words.push((number, END.to_owned()));
        }
        let mut word = String::new();
        for c in line.chars().chain([' ']) {
            if c.is_alphanumeric() || matches!(c, '_' | '-' | '\'') {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                words.push((number, plain(&std::mem::take(&mut word))));
            }
            if matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '(' | ')' | '"' | '|') {
                words.push((number, END.to_owned()));
            }
        }
    }
    words
}

/// A word without quotes and 's, and in small letters unless it is the name of a constant.
fn plain(word: &str) -> String {
    let word = word.trim_matches('\'').trim_end_matches("'s");
    let is_constant = word.len() > 1 && !word.contains(char::is_lowercase);
    if is_constant { word.to_owned() } else { word.to_lowercase() }
}

/// The names of tests as sentences, each on its line. A name of less than four words is that of another function.
fn sentences(code: &str) -> String {
    let sentence = |line: &str| {
        let name = line.split_once("fn ")?.1.split(['(', '<']).next()?;
        (name.split('_').count() >= 4).then(|| name.replace('_', " ") + ".")
    };
    code.lines().map(|line| sentence(line).unwrap_or_default() + "\n").collect()
}

/// The phrases of a text.
fn found(path: &str, text: &str) -> Vec<String> {
    let words = words(text);
    let mut faults = vec![];
    for (phrase, instead) in PHRASES {
        let wanted: Vec<&str> = phrase.split(' ').collect();
        for (at, part) in words.windows(wanted.len()).enumerate() {
            let is_phrase = part.iter().zip(&wanted).all(|((_, word), wanted)| word == wanted);
            // "There is none" says that a thing does not exist.
            let exists = phrase.ends_with(" none") && at > 0 && words[at - 1].1 == "there";
            if is_phrase && !exists {
                faults.push(format!("{path}:{}: \"{phrase}\"; write: {instead}", part[0].0));
            }
        }
    }
    faults
}

#[test]
fn no_text_has_a_phrase_that_style_replaces() {
    let mut faults = vec![];
    for document in documents().iter().filter(|document| document.path != "docs/STYLE.md") {
        faults.extend(found(&document.path, &document.text));
    }
    let sources = sources(&["src", "rules/src", "tests", "examples", "fuzz"]);
    // This folder has the phrases themselves.
    for source in sources.iter().filter(|source| !source.path.starts_with("tests/it/tidy/")) {
        faults.extend(found(&source.path, &source.lexed.comments));
        faults.extend(found(&source.path, &source.lexed.literals));
        faults.extend(found(&source.path, &sentences(&source.lexed.code)));
    }
    assert_none(&faults, "docs/STYLE.md, \"Words\", has the terms.");
}

#[test]
fn a_phrase_is_found_across_lines_and_not_across_sentences() {
    let count = |text: &str| found("x", text).len();
    assert_eq!(count("/// It is not needed any\n/// more. Nobody's wake."), 2);
    assert_eq!(count("This is what it is. None of them. There is none. {ANEW} some_twin"), 0);
}

#[test]
fn the_name_of_a_test_is_a_sentence() {
    let code = "fn twin() {}\n    async fn a_timer_is_made_anew() {}\n    fn of_what<T>(twin: T) {}\n";
    assert_eq!(sentences(code), "\na timer is made anew.\n\n");
    assert_eq!(found("x", &sentences(code)).len(), 1);
}
