//! A wrong wall clock for one process, which the test can set while the process runs: a library replaces the C library's function that
//! reads the clock. The replacement adds the offset from a file, or fails once. It works on Linux, where a library can be preloaded.

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
        // Other processes may be loading it or compiling it at the same time.
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

/// The clock of one process.
pub(crate) struct WrongClock {
    file: Mutex<File>,
    path: String,
    _directory: TempDir,
}

impl WrongClock {
    /// A clock that is ahead of this machine's by this many milliseconds.
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

    /// Sets how many milliseconds the clock is ahead.
    pub(crate) fn set(&self, millis: i64) {
        let mut file = self.file.lock().unwrap();
        file.rewind().expect("a file");
        file.write_all(&(millis * 1_000).to_ne_bytes()).expect("it is written");
    }

    /// Makes the clock fail the next time that a thread of this name reads it, as if the system had no clock. The standard
    /// library then panics in the code that the thread runs.
    pub(crate) fn fail_in(&self, thread: &str) {
        let mut name = [0; 16];
        name[..thread.len()].copy_from_slice(thread.as_bytes());
        let mut file = self.file.lock().unwrap();
        // The first byte is written last, and completes the name.
        for (at, part) in [(9, &name[1..]), (8, &name[..1])] {
            file.seek(SeekFrom::Start(at)).expect("a file");
            file.write_all(part).expect("it is written");
        }
    }

    /// The environment variables that give this clock to a process.
    pub(crate) fn env(&self) -> [(&str, &str); 2] {
        [("LD_PRELOAD", library().to_str().expect("text")), ("WRONG_CLOCK_FILE", &self.path)]
    }
}
