//! The rough sizes of timers: for readers of records, and for the index, which counts what its entries take.

use crate::domain::attempt::CallResult;
use crate::domain::target::Body;
use crate::domain::timer::{State, Timer};

use super::Entry;

/// Bytes that every record has, and every attempt in it: names of fields, instants and numbers.
const RECORD_BYTES: usize = 1_024;

/// Bytes that every summary has, including its last attempt.
const SUMMARY_BYTES: usize = 768;

/// Bytes that an entry without labels takes in memory: itself, its places in the sets, and the sets' spare capacity.
const ENTRY_BYTES: usize = 410;

/// Bytes that each label takes, in the entry and in the set of names.
const LABEL_BYTES: usize = 75;

/// Bytes that the first entry of a host takes in addition to the host's name.
const HOST_BYTES: usize = 64;

/// The bytes allowed for an entry: those of a timer with two labels.
pub(super) const ALLOWED_BYTES: usize = ENTRY_BYTES + 2 * LABEL_BYTES;

/// The most bytes that an index of this many timers may take, as it counts them.
pub fn max_bytes(limit: usize) -> usize {
    limit.saturating_mul(ALLOWED_BYTES)
}

/// The sizes of a timer, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The size of its record in the bucket.
    pub record: usize,
    /// The size of its summary in a list.
    pub summary: usize,
}

impl Size {
    /// The sizes of this timer.
    pub fn of(timer: &Timer) -> Self {
        let target = &timer.target;
        let metadata: usize = timer.metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        let headers: usize = target.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let body = match &target.body {
            Body::Default => 0,
            Body::Json(text) | Body::Text(text) => text.len(),
            // In Base64.
            Body::Bytes(bytes) => bytes.len() / 3 * 4,
        };
        let url = target.url.as_str().len();
        let attempts = timer.attempts.iter().map(|attempt| {
            let answer = attempt.called.answer.as_ref().map_or(0, |answer| answer.body.len() / 3 * 4);
            RECORD_BYTES / 2 + answer + said(&attempt.called.result)
        });
        let why = if let State::Failed { reason, .. } = &timer.state { reason.len() } else { 0 };
        let last = timer.attempts.last().map_or(0, |attempt| said(&attempt.called.result));
        Self {
            record: RECORD_BYTES + url + metadata + headers + body + attempts.sum::<usize>() + why,
            summary: SUMMARY_BYTES + url + metadata + why + last,
        }
    }
}

/// The length of the reason of a result.
fn said(result: &CallResult) -> usize {
    match result {
        CallResult::NotSent { reason }
        | CallResult::Forbidden { reason }
        | CallResult::NoAnswer { reason } => reason.len(),
        CallResult::Answered { .. } | CallResult::Interrupted => 0,
    }
}

/// Bytes that an entry takes in memory, without its host.
pub(super) fn taken(entry: &Entry) -> usize {
    ENTRY_BYTES + LABEL_BYTES * entry.labels.len()
}

/// Bytes that a host takes, which is kept once.
pub(super) fn taken_by_host(host: &str) -> usize {
    HOST_BYTES + host.len()
}
