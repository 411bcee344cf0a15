//! The meaning of a journal's bytes. Uses no file and no clock; any bytes read as an entry or as none.
//!
//! A slot has three parts, each with a checksum of its own, since the process may be killed while it writes a part: the claim, a
//! mark that says how far the call has come, and the answer. Numbers are little-endian.

mod answer;
mod checksum;
mod header;

use std::sync::Arc;

use uuid::Uuid;

pub use answer::MAX_ANSWER;
use checksum::crc32;
pub use header::{BootId, HEADER_BYTES, Header};
use rules::domain::called::Called;
use rules::domain::time::Timestamp;
use rules::domain::timer::{ClaimId, TimerId};

/// Where the first slot begins: after the page of the header.
pub const SLOTS_AT: u64 = 4_096;

/// The size of a slot: whole sectors, so that neither claim nor mark crosses a page boundary.
pub const SLOT_BYTES: usize = (ANSWER_AT + ANSWER_HEAD + MAX_ANSWER).next_multiple_of(512);

const CLAIM_BYTES: usize = 64;
/// Where in a slot the mark begins.
pub const MARK_AT: usize = CLAIM_BYTES;
const MARK_BYTES: usize = 32;
/// Where in a slot the answer begins, right after the mark.
const ANSWER_AT: usize = MARK_AT + MARK_BYTES;
const ANSWER_HEAD: usize = 16;

/// How far a call had come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The call was about to be claimed, and nothing of its request was written.
    Claimed,
    /// The request was about to be written.
    Written,
    /// The call was answered, with this answer.
    Answered(Arc<Called>),
}

impl Mark {
    /// A number that is higher the further the call had come.
    pub fn progress(&self) -> u8 {
        match self {
            Self::Claimed => 0,
            Self::Written => 1,
            Self::Answered(_) => 2,
        }
    }
}

/// The journal's entry for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    pub timer: TimerId,
    pub claim: ClaimId,
    pub mark: Mark,
    /// When the mark was written, by the world's clock.
    pub at: Timestamp,
}

const CLAIMED: u8 = 1;
const WRITTEN: u8 = 2;
const ANSWERED: u8 = 3;
const TAKEN_BACK: u8 = 4;

/// Where the slot with this number begins.
pub fn slot_at(number: usize) -> u64 {
    SLOTS_AT + number as u64 * SLOT_BYTES as u64
}

/// The beginning of a slot whose call is about to be claimed: its claim, and a mark that says so.
pub fn claimed(timer: TimerId, claim: ClaimId, at: Timestamp) -> [u8; ANSWER_AT] {
    let mut bytes = [0; ANSWER_AT];
    bytes[..16].copy_from_slice(timer.as_bytes());
    bytes[16..32].copy_from_slice(claim.as_bytes());
    seal(&mut bytes[..CLAIM_BYTES]);
    bytes[MARK_AT..].copy_from_slice(&mark(CLAIMED, claim, at));
    bytes
}

/// The mark of a call whose request is about to be written.
pub fn written(claim: ClaimId, at: Timestamp) -> [u8; MARK_BYTES] {
    mark(WRITTEN, claim, at)
}

/// The mark of a call that was not made and whose record says so.
pub fn taken_back(claim: ClaimId, at: Timestamp) -> [u8; MARK_BYTES] {
    mark(TAKEN_BACK, claim, at)
}

/// The mark of a call that was answered, followed by the answer.
pub fn answered(claim: ClaimId, called: &Called, at: Timestamp) -> Vec<u8> {
    let mut bytes = mark(ANSWERED, claim, at).to_vec();
    let answer = answer::encode(called);
    let mut head = [0; ANSWER_HEAD];
    head[..4].copy_from_slice(&(answer.len() as u32).to_le_bytes());
    head[4..8].copy_from_slice(&crc32(&answer).to_le_bytes());
    seal(&mut head);
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(&answer);
    bytes
}

/// The entry in a slot, if it is whole and is about a call that may still matter.
pub fn read(slot: &[u8]) -> Option<Noted> {
    let head = unsealed(slot.get(..CLAIM_BYTES)?)?;
    let timer = Uuid::from_slice(&head[..16]).ok()?;
    let claim = Uuid::from_slice(&head[16..32]).ok()?;
    let bytes = unsealed(slot.get(MARK_AT..ANSWER_AT)?)?;
    // A mark with another claim's id was written late, for an earlier call.
    if bytes[..16] != claim.as_bytes()[..] {
        return None;
    }
    let at = Timestamp::from_micros(number(&bytes[16..24])?);
    let mark = match bytes[24] {
        CLAIMED => Mark::Claimed,
        WRITTEN => Mark::Written,
        // An incomplete answer was being written when the process was killed, so the request had been written.
        ANSWERED => answer(slot).map_or(Mark::Written, |called| Mark::Answered(Arc::new(called))),
        _ => return None,
    };
    Some(Noted { timer, claim, mark, at })
}

/// When the slot was last written, if that can be read.
pub fn last_write(slot: &[u8]) -> Option<Timestamp> {
    let bytes = unsealed(slot.get(MARK_AT..ANSWER_AT)?)?;
    number(&bytes[16..24]).map(Timestamp::from_micros)
}

fn answer(slot: &[u8]) -> Option<Called> {
    let rest = slot.get(ANSWER_AT..)?;
    let head = unsealed(rest.get(..ANSWER_HEAD)?)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?);
    let sum = u32::from_le_bytes(head[4..8].try_into().ok()?);
    let answer = rest.get(ANSWER_HEAD..)?.get(..usize::try_from(length).ok()?)?;
    if crc32(answer) != sum { None } else { answer::decode(answer) }
}

fn mark(kind: u8, claim: ClaimId, at: Timestamp) -> [u8; MARK_BYTES] {
    let mut bytes = [0; MARK_BYTES];
    bytes[..16].copy_from_slice(claim.as_bytes());
    bytes[16..24].copy_from_slice(&at.as_micros().to_le_bytes());
    bytes[24] = kind;
    seal(&mut bytes);
    bytes
}

/// Puts the checksum of the bytes before it into the last four bytes.
fn seal(bytes: &mut [u8]) {
    let end = bytes.len() - 4;
    let sum = crc32(&bytes[..end]);
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
}

/// The bytes before the checksum, if that is right. Zeros do not pass: a part that was never written says nothing.
fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (rest, sum) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
    (crc32(rest).to_le_bytes() == sum).then_some(rest)
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;
