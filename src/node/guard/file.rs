//! The knowledge of one node about the bucket, in a plain file: so it notices a restored backup after its own restart.
//!
//! The file only ever adds knowledge: each line in it was true when it was written and stays true. So a file that is missing,
//! older, cut short or from another installation does no harm, except that a node that has a file does not start on an empty NATS.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::bucket_view::Marks;
use super::form;
use rules::domain::time::Timestamp;

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remembered {
    pub(super) marks: Marks,
    /// When the bucket of `seen` was created: nanoseconds since the epoch.
    pub(super) born: i128,
    /// The highest sequence that this node knows to have settled in the bucket.
    pub(super) seen: u64,
    /// When the node knew that, by its own clock.
    pub(super) at: Option<Timestamp>,
}

#[derive(Deserialize, Serialize)]
struct RememberedJson {
    mark: Option<Box<RawValue>>,
    born: String,
    seen: u64,
    at_us: Option<u64>,
}

/// Reads the file; the default if it cannot be read.
pub(super) fn read(path: &Path) -> Remembered {
    let Ok(text) = std::fs::read(path) else { return Remembered::default() };
    let Ok(json) = serde_json::from_slice::<RememberedJson>(&text) else { return Remembered::default() };
    Remembered {
        marks: json.mark.and_then(|mark| form::from_json(mark.get().as_bytes())).unwrap_or_default(),
        born: json.born.parse().unwrap_or_default(),
        seen: json.seen,
        at: json.at_us.map(Timestamp::from_micros),
    }
}

/// Replaces the file as a whole, so that a crash leaves either the old file or the new one.
///
/// # Errors
///
/// Errors of the file system.
pub(super) fn write(path: &Path, remembered: &Remembered) -> std::io::Result<()> {
    let marks = form::to_json(remembered.born, &remembered.marks);
    let json = RememberedJson {
        mark: String::from_utf8(marks).ok().and_then(|text| RawValue::from_string(text).ok()),
        born: remembered.born.to_string(),
        seen: remembered.seen,
        at_us: remembered.at.map(Timestamp::as_micros),
    };
    let text = serde_json::to_vec(&json)?;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    // Other nodes may share the directory.
    let new: PathBuf = path.with_extension(format!("{}.new", std::process::id()));
    std::fs::File::create(&new)?.write_all(&text)?;
    std::fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::domain::high_water::HighWater;

    #[test]
    fn what_is_remembered_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("high-water.json");
        assert_eq!(read(&path), Remembered::default());
        let at = Timestamp::from_micros(1_700_000_000_000_001);
        let mark = HighWater { bucket_born: 7, upto: at, seq: 9, open: vec![2, 5] };
        let marks = Marks::of_sweep(mark);
        let remembered = Remembered { marks, born: 7, seen: 12, at: Some(at) };
        write(&path, &remembered).unwrap();
        assert_eq!(read(&path), remembered);
        std::fs::write(&path, b"{\"mark\":").unwrap();
        assert_eq!(read(&path), Remembered::default());
    }
}
