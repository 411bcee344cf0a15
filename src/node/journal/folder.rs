//! The files of a journal directory: one for each living node, and those that dead nodes have left.
//!
//! A file belongs to the process that has locked it. The system drops the lock when the last thread of that process is gone, so a
//! node that gets the lock knows that nothing writes to the file any longer. Files stay and are reused; removing one would let
//! two processes lock two files of one name.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::format::{self, BootId, HEADER_BYTES, Header, Noted, SLOT_BYTES, SLOTS_AT};
use rules::domain::time::Timestamp;
use rules::domain::timer::ClaimId;

/// The most files of a directory: those of nodes that share it, and those with entries that wait for NATS.
const MAX_FILES: usize = 16;

/// The most slots that are read, even if a header names more: the maximum of `--max-calls`.
const MAX_SLOTS: usize = 16_384;

/// How much later than its newest mark a file may have been changed: the system's clock for files ticks some hundred times a
/// second.
const STAMP_SLACK: Duration = Duration::from_secs(2);

/// The block that fills a new file, written again and again.
static ZEROS: [u8; 65_536] = [0; 65_536];

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory or a file in it cannot be used.
    #[error("cannot {what} {path}: {error}")]
    File { what: &'static str, path: PathBuf, error: io::Error },
    /// Other nodes use all files.
    #[error("all {MAX_FILES} journals in {0} are in use")]
    Full(PathBuf),
    /// The system does not distinguish one boot of this machine from another.
    #[error("cannot read the system's boot id: {0}")]
    NoBootId(io::Error),
}

/// The file that this node has taken, and those that dead nodes have left.
pub(super) struct Taken {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) left: Vec<Left>,
    /// The number of files that other nodes use.
    pub(super) others: usize,
}

/// The file of a node that is gone. It stays locked as long as this lives.
pub struct Left {
    file: File,
    /// The node's notes about its calls.
    pub entries: Vec<Noted>,
}

impl Left {
    /// Marks the file as done, so that no node reads it again.
    ///
    /// # Errors
    ///
    /// If that cannot be written; then the file is read once more, which does no harm.
    pub fn done(self) -> io::Result<()> {
        self.file.write_all_at(&[0; HEADER_BYTES], 0)
    }
}

/// Takes the first file that no node has locked and that has no entries, and reads the entries of the others.
pub(super) fn take(dir: &Path, slots: usize) -> Result<Taken, Error> {
    let boot = boot_id().map_err(Error::NoBootId)?;
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |error| Error::File { what, path, error }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed("create", dir))?;
    let (mut own, mut left, mut others) = (None, vec![], 0);
    for number in 0..MAX_FILES {
        let path = dir.join(format!("calls-{number}.journal"));
        if own.is_some() && !path.exists() {
            continue;
        }
        let mut options = File::options();
        let opened = options.create(true).truncate(false).read(true).write(true).mode(0o600).open(&path);
        let file = opened.map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                others += 1;
                continue;
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        if !is_at(&file, &path) {
            continue;
        }
        // A file that cannot be read counts as empty: its timers are found when their leases are over.
        let entries = entries(&file, boot).unwrap_or_default();
        if !entries.is_empty() {
            left.push(Left { file, entries });
        } else if own.is_none() {
            own = Some((file, path));
        }
    }
    let Some((file, path)) = own else { return Err(Error::Full(dir.to_owned())) };
    // Before any entry is believed: if nothing can be written here, a mark may be missing for the same reason.
    if let Err(error) = prepare(&file, slots, boot) {
        // Frees the room, which is of no use.
        let _ = file.set_len(0);
        return Err(failed("write", &path)(error));
    }
    Ok(Taken { file, path, left, others })
}

/// Gives the lock back, so that another node of this process may take the file.
pub(super) fn release(file: &File) {
    let _ = file.unlock();
}

/// Whether the path still names this file: a node may have removed a file that it could not write.
fn is_at(file: &File, path: &Path) -> bool {
    let id = |data: fs::Metadata| (data.dev(), data.ino());
    file.metadata().map(id).ok() == fs::metadata(path).map(id).ok()
}

/// The entries of a file, if it was written on this boot, to this very file, and if no other program has written to it since.
fn entries(file: &File, boot: BootId) -> io::Result<Vec<Noted>> {
    let data = file.metadata()?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, 0)?;
    let Some(known) = Header::decode(&header) else { return Ok(vec![]) };
    let slots = usize::try_from(known.slots).unwrap_or(usize::MAX);
    if known.boot != boot || known.file != (data.dev(), data.ino()) || slots > MAX_SLOTS {
        return Ok(vec![]);
    }
    let (mut noted, mut newest) = (vec![], None);
    let mut slot = vec![0; SLOT_BYTES];
    for number in 0..slots {
        file.read_exact_at(&mut slot, format::slot_at(number))?;
        newest = newest.max(format::last_write(&slot));
        noted.extend(format::read(&slot));
    }
    // An older copy that was put back into the same file has marks that are older than the file's last change. Programs
    // cannot set the time of the last change, only that of the last write.
    let seconds = u64::try_from(data.ctime()).unwrap_or_default();
    let micros = u64::try_from(data.ctime_nsec()).unwrap_or_default() / 1_000;
    let changed = Timestamp::from_micros(seconds.saturating_mul(1_000_000).saturating_add(micros));
    if newest.is_none_or(|newest| changed > newest.saturating_add(STAMP_SLACK)) {
        return Ok(vec![]);
    }
    Ok(furthest(noted))
}

/// Keeps one entry of each claim, the furthest. The slot of a place that was given up may still say that the call was about to be claimed,
/// while the call was made from another place.
fn furthest(noted: Vec<Noted>) -> Vec<Noted> {
    let mut by_claim: HashMap<ClaimId, Noted> = HashMap::with_capacity(noted.len());
    for entry in noted {
        match by_claim.entry(entry.claim) {
            Entry::Vacant(vacant) => drop(vacant.insert(entry)),
            Entry::Occupied(mut other) if other.get().mark.progress() < entry.mark.progress() => {
                other.insert(entry);
            }
            Entry::Occupied(_) => {}
        }
    }
    by_claim.into_values().collect()
}

/// Fills a file with empty slots, so that no mark needs more room.
fn prepare(file: &File, slots: usize, boot: BootId) -> io::Result<()> {
    let end = SLOTS_AT + (slots * SLOT_BYTES) as u64;
    let mut at = 0;
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_all_at(&ZEROS[..length], at)?;
        at += length as u64;
    }
    file.set_len(end)?;
    let data = file.metadata()?;
    let slots = u32::try_from(slots).unwrap_or(u32::MAX);
    file.write_all_at(&Header { boot, file: (data.dev(), data.ino()), slots }.encode(), 0)
}

/// The id of this boot of the machine.
#[cfg(target_os = "linux")]
fn boot_id() -> io::Result<BootId> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let id = uuid::Uuid::parse_str(text.trim()).map_err(io::Error::other)?;
    Ok(*id.as_bytes())
}

/// Other systems do not tell their boot id without unsafe code, so there is no journal.
#[cfg(not(target_os = "linux"))]
fn boot_id() -> io::Result<BootId> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}
