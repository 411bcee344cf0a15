//! The complaints in nats-server's log, for error texts. Nothing is decided by them.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How many lines are shown: the fatal one and those that led to it, but still one screen with the text around them.
const LINES_MAX: usize = 6;

/// How many bytes at the end of the log are read: some hundred lines, since lines that are not complaints are left out.
const TAIL_MAX_BYTES: u64 = 16 * 1024;

/// The levels that are not complaints. A line without a level, such as one of a panic, is a complaint.
const QUIET_LEVELS: [&str; 3] = [" [INF] ", " [DBG] ", " [TRC] "];

/// A position in the log: lines that an earlier start wrote above it are not shown as the cause of this one's failure.
#[derive(Debug, Clone)]
pub(super) struct LogMark {
    path: PathBuf,
    offset_bytes: u64,
}

impl LogMark {
    pub(super) fn at_end_of(path: PathBuf) -> Self {
        let offset_bytes = path.metadata().map_or(0, |metadata| metadata.len());
        Self { path, offset_bytes }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The last complaints written since the mark. If the log cannot be read, the text says so instead of an error,
    /// because it is only asked for when something else has already failed.
    pub(super) fn complaints(&self) -> String {
        match self.read() {
            Ok(text) => {
                let quiet = |line: &str| QUIET_LEVELS.iter().any(|level| line.contains(level));
                let complaints = last_lines(text.lines().filter(|line| !quiet(line)), LINES_MAX);
                if complaints.is_empty() { "(no warning and no error)".to_owned() } else { complaints }
            }
            Err(error) => format!("(the log cannot be read: {error})"),
        }
    }

    fn read(&self) -> std::io::Result<String> {
        let mut file = std::fs::File::open(&self.path)?;
        let len = file.metadata()?.len();
        // A log shorter than the mark is a new file: nats-server has rotated its log.
        let start = if len < self.offset_bytes { 0 } else { self.offset_bytes };
        file.seek(SeekFrom::Start(start.max(len.saturating_sub(TAIL_MAX_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The last `count` of the `lines` that are not blank.
pub(super) fn last_lines<'a>(lines: impl IntoIterator<Item = &'a str>, count: usize) -> String {
    let lines: Vec<&str> = lines.into_iter().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_since_the_mark_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "old\n").unwrap();
        let mark = LogMark::at_end_of(path.clone());
        assert_eq!(mark.complaints(), "(no warning and no error)");

        std::fs::write(&path, "old\nnew\n\nnewer\n").unwrap();
        assert_eq!(mark.complaints(), "new\nnewer");
    }

    #[test]
    fn a_rotated_log_is_shown_from_its_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "a long line of an earlier start\n").unwrap();
        let mark = LogMark::at_end_of(path.clone());

        std::fs::write(&path, "rotated\n").unwrap();
        assert_eq!(mark.complaints(), "rotated");
    }

    #[test]
    fn what_is_no_complaint_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let mark = LogMark::at_end_of(dir.path().join("log"));

        std::fs::write(mark.path(), "[7] now [INF] Starting\n[7] now [FTL] No room\npanic: at the disk\n")
            .unwrap();
        assert_eq!(mark.complaints(), "[7] now [FTL] No room\npanic: at the disk");
    }

    #[test]
    fn the_last_lines_are_those_at_the_end() {
        assert_eq!(last_lines(["1", "2", "3", ""], 2), "2\n3");
        assert_eq!(last_lines([], 2), "");
    }
}
