//! The header of a journal: its boot, its file, and its number of slots.

use super::{seal, unsealed};

/// The size of the header, in bytes.
pub const HEADER_BYTES: usize = 64;

/// The first bytes of a journal. The last one is the version of the format: other versions are not read.
const MAGIC: [u8; 8] = *b"jtcalls\x01";

/// The id of a boot of the machine.
pub type BootId = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The boot on which the journal was written: writes in the page cache of another boot may be lost.
    pub boot: BootId,
    /// The file that the journal was written to, as device and inode: a copy is another file.
    pub file: (u64, u64),
    pub slots: u32,
}

impl Header {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..24].copy_from_slice(&self.boot);
        bytes[24..32].copy_from_slice(&self.file.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.file.1.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.slots.to_le_bytes());
        seal(&mut bytes);
        bytes
    }

    /// The header in these bytes, if it is whole and of this format.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = unsealed(bytes.get(..HEADER_BYTES)?)?;
        if bytes[..8] != MAGIC {
            return None;
        }
        let number = |at: usize| bytes[at..at + 8].try_into().ok().map(u64::from_le_bytes);
        Some(Self {
            boot: bytes[8..24].try_into().ok()?,
            file: (number(24)?, number(32)?),
            slots: u32::from_le_bytes(bytes[40..44].try_into().ok()?),
        })
    }
}
