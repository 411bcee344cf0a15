//! What an error of the client means for the call.

use std::error::Error as _;

use crate::domain::attempt::CallResult;
use crate::policy::Forbidden;

/// The longest text kept of an error, in bytes; it is part of the stored record.
const MAX_REASON_BYTES: usize = 512;

/// A target that must not be called.
pub(super) fn forbidden(why: Forbidden) -> CallResult {
    CallResult::Forbidden { reason: shortened(why.to_string()) }
}

/// What an error of the client means: whether anything can have been sent.
pub(super) fn result(error: &reqwest::Error) -> CallResult {
    if let Some(why) = causes(error).find_map(|cause| cause.downcast_ref::<Forbidden>()) {
        return forbidden(why.clone());
    }
    let sent = !error.is_connect() && !error.is_builder();
    let mut reason = if sent { "the connection broke" } else { "cannot connect" }.to_owned();
    // Without the error's own text, which has the URL: that is in the record already.
    for cause in causes(error) {
        let cause = cause.to_string();
        if !reason.ends_with(&cause) {
            reason.push_str(": ");
            reason.push_str(&cause);
        }
    }
    let reason = shortened(reason);
    if sent { CallResult::NoAnswer { reason } } else { CallResult::NotSent { reason } }
}

/// Whether the receiver has refused the request without a look at it, so that it may be sent again: its connection ends in
/// good order before this stream, or it has reset the stream as refused (RFC 9113, 8.7).
pub(super) fn was_refused(error: &reqwest::Error) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<h2::Error>()).any(|cause| {
        let ends = cause.is_go_away() && cause.reason() == Some(h2::Reason::NO_ERROR);
        let refuses = cause.is_reset() && cause.reason() == Some(h2::Reason::REFUSED_STREAM);
        cause.is_remote() && (ends || refuses)
    })
}

fn causes<'e>(error: &'e reqwest::Error) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

fn shortened(mut text: String) -> String {
    if text.len() > MAX_REASON_BYTES {
        let end = (0..=MAX_REASON_BYTES).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
    }
    text
}
