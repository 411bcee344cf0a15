//! The header of a journal: on which boot it was written, in which file, and how many slots it has.

use super::{seal, unsealed};

/// How large the header is, in bytes.
pub const HEADER_BYTES: usize = 64;

/// What a journal begins with. The last byte is the format's version: another one is not read.
const MAGIC: [u8; 8] = *b"jtcalls\x01";

/// The name of a boot of the machine.
pub type BootId = [u8; 16];

/// What a journal says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The boot that it was written on: what was in the page cache of another one may be lost.
    pub boot: BootId,
    /// The file that it was written to, as device and inode: a copy is another file.
    pub file: (u64, u64),
    /// How many slots follow.
    pub slots: u32,
}

impl Header {
    /// As it is written.
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

    /// What was written, if it is whole and of this format.
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
