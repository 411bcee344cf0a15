//! The files of the repository: layers import only layers below them, documents name files that exist, lines and files are short.
//!
//! These tests read the working tree and start nothing. No rule has a list of exceptions: a new violation is repaired, or the rule changes.

mod layers;
mod layout;
mod lexed;
mod links;
mod outside;
mod paths;
mod phrases;

use std::path::Path;

use lexed::Lexed;

/// Folders of results, and of bytes for the fuzzer. Hidden ones are left out, too.
const LEFT_OUT: [&str; 3] = ["target", "node_modules", "corpus"];

/// A text file of the repository.
struct File {
    /// Its path from the root, with `/` between folders.
    path: String,
    text: String,
}

/// A Rust file.
struct Source {
    path: String,
    text: String,
    lexed: Lexed,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// The files below a folder whose names end so, in the order of their paths. A folder that does not exist has none.
fn files(folder: &str, ending: &str) -> Vec<File> {
    let mut found = vec![];
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with('.') || LEFT_OUT.contains(&name.as_str()) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if name.ends_with(ending) {
                let path = entry.path();
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push(File { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The Rust files of these folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let files = folders.iter().flat_map(|folder| files(folder, ".rs"));
    let sources: Vec<Source> =
        files.map(|File { path, text }| Source { lexed: Lexed::of(&text), path, text }).collect();
    assert!(!sources.is_empty(), "the folders {folders:?} have no Rust files");
    sources
}

/// README, ARCHITECTURE and the files of `docs`. The changelogs are left out: they name files of their time.
fn documents() -> Vec<File> {
    let at_the_root = ["README.md", "ARCHITECTURE.md"].map(|name| File {
        path: name.to_owned(),
        text: std::fs::read_to_string(root().join(name)).unwrap(),
    });
    at_the_root.into_iter().chain(files("docs", ".md")).collect()
}

/// The lines of a Markdown text outside of code blocks, with their numbers.
fn outside_of_code_blocks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The number of the line that has this byte.
fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Fails if there are faults, and says what to do about them.
#[track_caller]
fn assert_none(faults: &[String], advice: &str) {
    assert!(faults.is_empty(), "{}\n\n{advice}", faults.join("\n"));
}
