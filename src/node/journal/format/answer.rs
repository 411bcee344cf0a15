//! An answer in a slot: all of it that the record keeps.

use std::time::Duration;

use rules::domain::attempt::CallResult;
use rules::domain::called::{Answer, Called, MAX_ANSWER_BYTES, Phases};

/// The most bytes of an encoded answer.
pub const MAX_ANSWER: usize = FIXED + MAX_ANSWER_BYTES;

/// Status, flags, `Retry-After`, five phases.
const FIXED: usize = 2 + 2 + 8 + 5 * 8;

const HAS_BODY: u8 = 1;
const IS_TRUNCATED: u8 = 2;

/// Stands for an unknown span: no span is this long, in any unit.
const NONE: u64 = u64::MAX;

/// An answer as bytes. A call without an answer gives no bytes, which `decode` rejects.
pub(super) fn encode(called: &Called) -> Vec<u8> {
    let CallResult::Answered { status, retry_after } = &called.result else { return vec![] };
    let body = called.answer.as_ref().map_or(&[][..], |answer| &answer.body);
    let mut flags = if called.answer.is_some() { HAS_BODY } else { 0 };
    if called.answer.as_ref().is_some_and(|answer| answer.truncated) {
        flags |= IS_TRUNCATED;
    }
    let mut bytes = Vec::with_capacity(FIXED + body.len());
    bytes.extend_from_slice(&status.to_le_bytes());
    bytes.extend_from_slice(&[flags, 0]);
    let Phases { resolve, connect, tls, first_byte, total } = called.phases;
    let millis = retry_after.map_or(NONE, |span| u64::try_from(span.as_millis()).unwrap_or(NONE - 1));
    let micros = |span: Option<Duration>| span.map_or(NONE, |span| span.as_micros() as u64);
    for number in
        [millis, micros(resolve), micros(connect), micros(tls), micros(first_byte), micros(Some(total))]
    {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&body[..body.len().min(MAX_ANSWER_BYTES)]);
    bytes
}

/// The answer that these bytes encode, if they are valid.
pub(super) fn decode(bytes: &[u8]) -> Option<Called> {
    let (fixed, body) = bytes.split_at_checked(FIXED)?;
    let status = u16::from_le_bytes(fixed[..2].try_into().ok()?);
    let flags = fixed[2];
    let number = |place: usize| {
        let at = 4 + place * 8;
        let number = fixed[at..at + 8].try_into().ok().map(u64::from_le_bytes);
        number.filter(|number| *number != NONE)
    };
    let micros = |place| number(place).map(Duration::from_micros);
    if !(100..=599).contains(&status) || body.len() > MAX_ANSWER_BYTES {
        return None;
    }
    let answer = Answer { body: body.to_vec(), truncated: flags & IS_TRUNCATED != 0 };
    Some(Called {
        result: CallResult::Answered { status, retry_after: number(0).map(Duration::from_millis) },
        answer: if flags & HAS_BODY != 0 { answer.kept() } else { None },
        phases: Phases {
            resolve: micros(1),
            connect: micros(2),
            tls: micros(3),
            first_byte: micros(4),
            total: micros(5).unwrap_or_default(),
        },
    })
}
