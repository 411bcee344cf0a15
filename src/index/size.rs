//! How large what belongs to a timer is, roughly: for who reads records, and for who counts what entries take.

use crate::domain::attempt::CallResult;
use crate::domain::target::Body;
use crate::domain::timer::{State, Timer};

use super::Entry;

/// What every record has, and every attempt of it, in bytes: names of fields, instants and numbers.
const RECORD_BYTES: usize = 1_024;

/// What every summary has, in bytes, its last attempt included.
const SUMMARY_BYTES: usize = 768;

/// What an entry takes in memory without labels, in bytes: it, its places in the sets, and what those have in reserve.
const ENTRY_BYTES: usize = 410;

/// What each label takes of an entry, and in the set of names.
const LABEL_BYTES: usize = 75;

/// What the first entry of a host takes beside the host's name.
const HOST_BYTES: usize = 64;

/// What is allowed for an entry: that of a timer with two labels.
pub(super) const ALLOWED_BYTES: usize = ENTRY_BYTES + 2 * LABEL_BYTES;

/// How large a timer is, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Its record in the bucket.
    pub record: usize,
    /// Its summary in a list.
    pub summary: usize,
}

impl Size {
    pub(super) fn of(timer: &Timer) -> Self {
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

/// How long the reason of a result is.
fn said(result: &CallResult) -> usize {
    match result {
        CallResult::NotSent { reason }
        | CallResult::Forbidden { reason }
        | CallResult::NoAnswer { reason } => reason.len(),
        CallResult::Answered { .. } | CallResult::Interrupted => 0,
    }
}

/// What an entry takes in memory, but for its host.
pub(super) fn taken(entry: &Entry) -> usize {
    ENTRY_BYTES + LABEL_BYTES * entry.labels.len()
}

/// What a host takes that is kept once.
pub(super) fn taken_by_host(host: &str) -> usize {
    HOST_BYTES + host.len()
}
