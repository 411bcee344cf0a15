//! The target of an export: standard output, or a file with a second file next to it that notes the progress.
//!
//! The lines that the second file counts are on disk before it is written. A resumed export cuts off everything after them.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::failure::Failure;

/// The progress of an export.
#[derive(Default, Deserialize, Serialize)]
struct Progress {
    /// The filter of this export, so that it is not resumed with another one.
    filter: String,
    /// The cursor after the last page that is in the file.
    cursor: Option<String>,
    /// The length of the file after that page.
    bytes: u64,
    /// How many timers are in the file.
    count: u64,
}

/// Where the lines are written.
pub(super) struct Target {
    file: Option<(File, PathBuf)>,
    progress: Progress,
}

impl Target {
    /// Opens the target. A file must not exist yet, unless the export is resumed.
    pub(super) fn open(path: Option<&Path>, resume: bool, filter: &str) -> Result<Self, Failure> {
        let fresh = Progress { filter: filter.to_owned(), ..Progress::default() };
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            if resume {
                return Err(Failure::usage(
                    "--resume needs a file: an export to standard output cannot be resumed",
                ));
            }
            return Ok(Self { file: None, progress: fresh });
        };
        let name = path.display();
        let beside = beside(path);
        if !resume {
            let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
                let next = if beside.exists() { "--resume continues it" } else { "choose another name" };
                if error.kind() == io::ErrorKind::AlreadyExists {
                    Failure::usage(format!("{name} already exists: {next}"))
                } else {
                    Failure::usage(format!("cannot write {name}: {error}"))
                }
            })?;
            let target = Self { file: Some((file, beside)), progress: fresh };
            target.note()?;
            return Ok(target);
        }
        let text = std::fs::read(&beside).map_err(|error| {
            Failure::usage(format!("there is no export to resume: cannot read {}: {error}", beside.display()))
        })?;
        let progress: Progress = serde_json::from_slice(&text)
            .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", beside.display())))?;
        if progress.filter != filter {
            return Err(Failure::usage(format!(
                "{name} was started with other options: give the same, or start again with another file"
            )));
        }
        let mut file = OpenOptions::new().write(true).open(path)?;
        if file.metadata()?.len() < progress.bytes {
            return Err(Failure::usage(format!("{name} is shorter than it was: remove it and start again")));
        }
        file.set_len(progress.bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file: Some((file, beside)), progress })
    }

    /// Where the next page begins.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.progress.cursor.as_deref()
    }

    /// Writes the lines of a page, and notes where the next page begins.
    pub(super) fn write(&mut self, lines: &[String], next: Option<&str>) -> io::Result<()> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        match &mut self.file {
            Some((file, _)) => {
                file.write_all(text.as_bytes())?;
                file.sync_data()?;
            }
            None => {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
        }
        self.progress.bytes += text.len() as u64;
        self.progress.count += lines.len() as u64;
        self.progress.cursor = next.map(str::to_owned);
        self.note()
    }

    /// Ends the export once everything is written; gives the number of timers.
    pub(super) fn finish(self) -> io::Result<u64> {
        if let Some((_, beside)) = &self.file {
            std::fs::remove_file(beside)?;
        }
        Ok(self.progress.count)
    }

    /// The advice for a person if the export breaks off.
    pub(super) fn advice(&self) -> &'static str {
        match self.file {
            Some(_) => "interrupted: --resume continues it",
            None => "interrupted: the output is incomplete",
        }
    }

    /// Notes the progress, so that a reader finds either the old note or the new one.
    fn note(&self) -> io::Result<()> {
        let Some((_, beside)) = &self.file else { return Ok(()) };
        let mut new = beside.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        let mut file = File::create(&new)?;
        serde_json::to_writer(&mut file, &self.progress)?;
        file.sync_data()?;
        std::fs::rename(new, beside)
    }
}

/// The path of the progress file, next to the export.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".progress");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_after_the_last_note_are_cut_off() {
        let home = tempfile::TempDir::new().unwrap();
        let path = home.path().join("timers");
        let mut target = Target::open(Some(&path), false, "?a").unwrap();
        target.write(&["one".to_owned()], Some("c1")).unwrap();
        drop(target);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"half").unwrap();

        assert!(Target::open(Some(&path), false, "?a").is_err());
        assert!(Target::open(Some(Path::new("-")), false, "?a").unwrap().file.is_none());
        assert!(Target::open(Some(Path::new("-")), true, "?a").is_err());
        assert!(Target::open(Some(&path), true, "?b").is_err());
        let mut target = Target::open(Some(&path), true, "?a").unwrap();
        assert_eq!(target.cursor(), Some("c1"));
        target.write(&["two".to_owned()], None).unwrap();
        assert_eq!(target.finish().unwrap(), 2);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
