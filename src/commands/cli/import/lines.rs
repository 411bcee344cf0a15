//! Reads the lines of a file in a thread of its own: a pipe may be silent while requests are under way.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use tokio::sync::mpsc::{self, Receiver, Sender};

use super::super::failure::Failure;
use crate::foundation::text_file;

/// The longest line: more than any node takes for one timer (`--max-body` is 512 KiB at most).
pub(super) const MOST_BYTES: u64 = 1_024 * 1_024;

/// How many lines are read ahead.
const AHEAD: usize = 1_024;

pub(super) enum Read {
    /// A line that is not blank, its number, and its end in the file.
    Line { line: u64, text: Vec<u8>, end: u64 },
    /// A line that is too long and was skipped.
    TooLong { line: u64, end: u64 },
    /// The file cannot be read further.
    Failed(String),
}

/// A file that is being read.
pub(super) struct Lines {
    pub(super) lines: Receiver<Read>,
    /// The length of the file, if it is known.
    pub(super) bytes: Option<u64>,
}

/// Starts to read a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Lines, Failure> {
    let name = path.display().to_string();
    let (sender, lines) = mpsc::channel(AHEAD);
    let (bytes, source): (_, Box<dyn io::Read + Send>) = if name == "-" {
        (None, Box::new(io::stdin()))
    } else {
        let file =
            File::open(path).map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
        let bytes = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| found.len());
        (bytes, Box::new(file))
    };
    let thread = std::thread::Builder::new().name("import-lines".to_owned());
    thread.spawn(move || send_all(BufReader::new(source), &name, &sender))?;
    Ok(Lines { lines, bytes })
}

/// Sends each line, until the file ends or the receiver is gone.
fn send_all(mut source: impl BufRead, name: &str, sender: &Sender<Read>) {
    let (mut line, mut end) = (0, 0);
    loop {
        let mut text = vec![];
        let read = match source.by_ref().take(MOST_BYTES + 1).read_until(b'\n', &mut text) {
            Ok(0) => return,
            Ok(count) => {
                line += 1;
                end += count as u64;
                if line == 1 {
                    text = text_file::without_mark(&text).to_vec();
                }
                if text.len() as u64 > MOST_BYTES && !text.ends_with(b"\n") {
                    match skip_line(&mut source) {
                        Ok(count) => {
                            end += count;
                            Read::TooLong { line, end }
                        }
                        Err(error) => Read::Failed(format!("cannot continue to read {name}: {error}")),
                    }
                } else if text.trim_ascii().is_empty() {
                    continue;
                } else {
                    Read::Line { line, text, end }
                }
            }
            Err(error) => Read::Failed(format!("cannot continue to read {name}: {error}")),
        };
        let is_last = matches!(read, Read::Failed(_));
        if sender.blocking_send(read).is_err() || is_last {
            return;
        }
    }
}

/// Skips the rest of a line, and gives the number of bytes skipped.
fn skip_line(source: &mut impl BufRead) -> io::Result<u64> {
    let mut passed = 0;
    loop {
        let here = source.fill_buf()?;
        if here.is_empty() {
            return Ok(passed);
        }
        let found = here.iter().position(|byte| *byte == b'\n');
        let count = found.map_or(here.len(), |place| place + 1);
        source.consume(count);
        passed += count as u64;
        if found.is_some() {
            return Ok(passed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_number_and_one_that_is_too_long_is_passed_over() {
        let long = "x".repeat(3 * 1_024 * 1_024);
        let text = format!("\u{feff}a\n\n{long}\r\n  \nb");
        let (sender, mut lines) = mpsc::channel(8);
        send_all(text.as_bytes(), "test", &sender);
        drop(sender);
        let mut read = vec![];
        while let Some(next) = lines.blocking_recv() {
            read.push(match next {
                Read::Line { line, text, end } => (line, String::from_utf8(text).unwrap(), end),
                Read::TooLong { line, end } => (line, "too long".to_owned(), end),
                Read::Failed(why) => panic!("{why}"),
            });
        }
        let after = long.len() as u64 + 8;
        let expected =
            [(1, "a\n".to_owned(), 5), (3, "too long".to_owned(), after), (5, "b".to_owned(), after + 4)];
        assert_eq!(read, expected);
    }
}
