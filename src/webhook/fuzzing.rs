//! The way in for fuzzing: any bytes as the answer of a receiver.

use super::answer::Fields;
use rules::domain::attempt::CallResult;
use rules::domain::called::{Answer, Called, MAX_ANSWER_BYTES, Phases};
use rules::domain::time::Timestamp;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// The facts of a call with this answer: a byte of the status, a line of `Retry-After`, and a body.
pub(crate) fn called(bytes: &[u8]) -> Option<Called> {
    let (class, rest) = bytes.split_first()?;
    let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (asked, body) = rest.split_at(line);
    let mut fields = Fields::default();
    fields.field(b"retry-after", asked);
    let result = CallResult::Answered {
        status: 100 + u16::from(*class) * 2 % 500,
        retry_after: fields.retry_after(NOW),
    };
    let kept = &body[..body.len().min(MAX_ANSWER_BYTES)];
    let answer = Answer { body: kept.to_vec(), truncated: kept.len() < body.len() };
    Some(Called { result, answer: answer.kept(), phases: Phases::default() })
}
