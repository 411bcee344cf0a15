//! Each thing outside of jettimer is named in one place, so that it can be exchanged there.
//!
//! `clippy.toml` forbids the clock, spawning and the environment everywhere; the last test here holds the places that may expect it.

use super::lexed::is_word;
use super::{assert_none, line_of, sources};

/// Crates, and the folder or file that may name them.
const PLACES: [(&str, &str); 7] = [
    ("warp", "src/api/"),
    ("h2", "src/webhook/"),
    ("hickory_resolver", "src/webhook/"),
    ("reqwest", "src/commands/client/"),
    ("async_nats", "src/nats/"),
    ("prometheus_client", "src/foundation/metrics/"),
    ("time", "src/foundation/rfc3339.rs"),
];

/// The parts of the standard library that reach the world, which the rules must not: Cargo cannot forbid them to a crate.
const WORLD: [&str; 8] = [
    "Instant::now",
    "SystemTime::now",
    "std::env",
    "std::fs",
    "std::io",
    "std::process",
    "std::thread",
    "TcpStream",
];

/// The places to which `clippy.toml` sends others, and `main`, which asks where caches are.
const EXPECTED: [&str; 4] = [
    "src/main.rs",
    "src/foundation/clock.rs",
    "src/foundation/tasks/mod.rs",
    "src/commands/options/connection.rs",
];

/// Where code names a crate: its name begins a path, or is imported alone.
fn named(code: &str, name: &str) -> Vec<usize> {
    let begins = |at: usize| !code[..at].ends_with(|c: char| is_word(c) || matches!(c, ':' | '.' | '$'));
    let goes_on = |at: usize| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        after.starts_with("::")
            || (before.ends_with("use ") && (after.starts_with(';') || after.starts_with(" as ")))
    };
    let places = code.match_indices(name).map(|(at, _)| at);
    places.filter(|at| begins(*at) && goes_on(*at)).collect()
}

#[test]
fn each_outside_thing_is_named_in_one_place() {
    let mut faults = vec![];
    for source in sources(&["src", "rules/src"]) {
        let code = &source.lexed.code;
        for (name, place) in PLACES {
            if source.path.starts_with(place) {
                continue;
            }
            for at in named(code, name) {
                faults.push(format!("{}:{}: only {place} names {name}", source.path, line_of(code, at)));
            }
        }
    }
    assert_none(
        &faults,
        "Use a type or function of that place, and add one there if it has none. \
         A module of another crate that has the name of such a crate is written with its whole path: tokio::time.",
    );
}

#[test]
fn each_place_names_its_outside_thing() {
    let sources = sources(&["src"]);
    for (name, place) in PLACES {
        let mut there = sources.iter().filter(|source| source.path.starts_with(place));
        assert!(
            there.any(|source| !named(&source.lexed.code, name).is_empty()),
            "{place} does not name {name}: correct PLACES, and ARCHITECTURE.md, \"Map\""
        );
    }
}

#[test]
fn the_clock_spawning_and_the_environment_have_one_place_each() {
    let mut faults = vec![];
    for source in sources(&["src", "rules/src"]) {
        if EXPECTED.contains(&source.path.as_str()) {
            continue;
        }
        let code = &source.lexed.code;
        // Tests at the end of a file may do what they need.
        let end = code.find("#[cfg(test)]").unwrap_or(code.len());
        for (at, _) in code[..end].match_indices("clippy::disallowed_methods") {
            faults.push(format!("{}:{}: a method that clippy.toml forbids", source.path, line_of(code, at)));
        }
    }
    let places = EXPECTED.join(", ");
    assert_none(
        &faults,
        &format!("Use what these files offer: {places}. clippy.toml has the reason for each method."),
    );
}

#[test]
fn the_rules_reach_no_clock_file_or_process() {
    let mut faults = vec![];
    for source in sources(&["rules/src"]) {
        if source.path.contains("/tests") || source.path.contains("/machine_properties/") {
            continue;
        }
        let code = &source.lexed.code;
        let end = code.find("#[cfg(test)]").unwrap_or(code.len());
        for name in WORLD {
            for (at, _) in code[..end].match_indices(name) {
                faults.push(format!("{}:{}: {name}", source.path, line_of(code, at)));
            }
        }
    }
    assert_none(&faults, "A rule takes the time, and what is known of the world, as an argument.");
}
