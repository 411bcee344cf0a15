//! A wall clock that is off, for one process, and can be set while that runs: the function of the C library that
//! reads it is replaced by one that adds what a file says, or fails once. On Linux, where a library can be loaded first.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use tempfile::TempDir;

/// The library, compiled once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrong_clock.so");
        // Other processes may be about to load it, or to compile it too.
        let own = library.with_extension(std::process::id().to_string());
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/wrong_clock.c");
        let cc = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
            .arg(&own)
            .arg(source)
            .status();
        assert!(cc.expect("a C compiler").success(), "{source} is compiled");
        std::fs::rename(own, &library).expect("a file");
        library
    })
}

/// A clock of a process's own.
pub(crate) struct WrongClock {
    file: Mutex<File>,
    path: String,
    _directory: TempDir,
}

impl WrongClock {
    /// A clock that is so many milliseconds ahead of this machine's.
    pub(crate) fn ahead(millis: i64) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("offset");
        let file = OpenOptions::new().write(true).create_new(true).open(&path).expect("a file");
        let path = path.to_str().expect("text").to_owned();
        file.set_len(24).expect("a file");
        let clock = Self { file: Mutex::new(file), path, _directory: directory };
        clock.set(millis);
        clock
    }

    /// Sets it.
    pub(crate) fn set(&self, millis: i64) {
        let mut file = self.file.lock().unwrap();
        file.rewind().expect("a file");
        file.write_all(&(millis * 1_000).to_ne_bytes()).expect("it is written");
    }

    /// Has the clock fail the next time that a thread of this name reads it, as if the system had none. The standard
    /// library panics then, in whatever the thread does.
    pub(crate) fn fail_in(&self, thread: &str) {
        let mut name = [0; 16];
        name[..thread.len()].copy_from_slice(thread.as_bytes());
        let mut file = self.file.lock().unwrap();
        // The first byte comes last: with it the name is whole.
        for (at, part) in [(9, &name[1..]), (8, &name[..1])] {
            file.seek(SeekFrom::Start(at)).expect("a file");
            file.write_all(part).expect("it is written");
        }
    }

    /// The variables of the environment that give it to a process.
    pub(crate) fn env(&self) -> [(&str, &str); 2] {
        [("LD_PRELOAD", library().to_str().expect("text")), ("WRONG_CLOCK_FILE", &self.path)]
    }
}
