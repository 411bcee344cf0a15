//! Lines and files are short.

use super::{assert_none, documents, outside_of_code_blocks, sources};

/// Columns of a comment and of prose. rustfmt.toml gives code 110.
const WIDTH: usize = 140;

/// Lines of a file of `src` or `rules/src` before its tests, and of a file of tests.
const SOURCE_LINES: usize = 300;
const TEST_LINES: usize = 450;

#[test]
fn no_line_of_rust_is_wide_unless_a_literal_makes_it_so() {
    let mut faults = vec![];
    for source in sources(&["src", "rules/src", "tests", "examples", "fuzz"]) {
        let parts = source.lexed.comments.lines().zip(source.lexed.literals.lines());
        for ((number, line), (comment, literal)) in (1..).zip(source.text.lines()).zip(parts) {
            let columns = line.chars().count();
            let is_literal = comment.trim().is_empty() && !literal.trim().is_empty();
            if columns > WIDTH && !is_literal && !comment.contains("://") {
                faults.push(format!("{}:{number}: {columns} columns", source.path));
            }
        }
    }
    assert_none(&faults, &format!("Break the line at {WIDTH} columns or before."));
}

#[test]
fn no_line_of_prose_is_wide() {
    let mut faults = vec![];
    for document in documents() {
        for (number, line) in outside_of_code_blocks(&document.text) {
            let columns = line.chars().count();
            // Rows of tables and tags of HTML cannot be broken.
            if columns > WIDTH && !line.trim_start().starts_with(['|', '<']) {
                faults.push(format!("{}:{number}: {columns} columns", document.path));
            }
        }
    }
    assert_none(&faults, &format!("Break the line at {WIDTH} columns or before."));
}

#[test]
fn no_file_is_long() {
    let mut faults = vec![];
    for source in sources(&["src", "rules/src", "tests"]) {
        let is_test = source.path.starts_with("tests/") || source.path.contains("/tests");
        let (text, most) = if is_test {
            (source.text.as_str(), TEST_LINES)
        } else {
            // The tests at the end of a file.
            let code = source.text.split("\n#[cfg(test)]\nmod tests {").next();
            (code.unwrap_or_default(), SOURCE_LINES)
        };
        let lines = text.lines().count();
        if lines > most {
            faults.push(format!("{}:{most}: {lines} lines", source.path));
        }
    }
    assert_none(
        &faults,
        "Divide the file by subject, into modules that can each be described in one sentence.",
    );
}
