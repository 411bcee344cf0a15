//! What comes with an answer beside its status.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use crate::domain::called::{Answer, MAX_ANSWER_BYTES};
use crate::domain::time::Timestamp;

/// How long an answer's body is waited for. The status alone decides and is known by then; until the outcome is
/// stored, a crash of the node makes it unknown. Most bodies come with the status, or one way later.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads the beginning of an answer's body, until `deadline` at the latest. If that is all of it, the connection
/// is free for the next call; otherwise it is closed.
pub(super) async fn read(mut response: Response, deadline: Instant) -> Answer {
    let mut body = vec![];
    let whole = async {
        // A body that breaks changes nothing.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MAX_ANSWER_BYTES - body.len();
            if chunk.len() > room {
                body.extend_from_slice(&chunk[..room]);
                return false;
            }
            body.extend_from_slice(&chunk);
        }
        true
    };
    let until = deadline.min(Instant::now() + PATIENCE);
    let whole = tokio::time::timeout_at(until, whole).await.unwrap_or(false);
    Answer { body, truncated: !whole }
}

/// The longest time that is taken over from a receiver: longer than any wait between two attempts.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(366 * 86_400);

/// How long the receiver asks to be left alone (`Retry-After`; RFC 9110, 10.2.3), in whole milliseconds, from now: in
/// seconds or as a date; a date that is past is no time at all.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let asked = asked(headers, now)?.min(LONGEST_RETRY_AFTER);
    Some(Duration::from_millis(asked.as_micros().div_ceil(1_000) as u64))
}

fn asked(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large for us is still a number.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(Duration::from_micros(now.as_micros())))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now = Timestamp::from_micros(784_111_777_500_000);
        for (text, span) in [
            ("120", Some(Duration::from_secs(120))),
            ("0", Some(Duration::ZERO)),
            ("99999999999999999999", Some(LONGEST_RETRY_AFTER)),
            ("Sun, 06 Nov 1994 08:49:38 GMT", Some(Duration::from_millis(500))),
            ("Sunday, 06-Nov-94 08:49:38 GMT", Some(Duration::from_millis(500))),
            ("Sun Nov  6 08:49:38 1994", Some(Duration::from_millis(500))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(Duration::ZERO)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            assert_eq!(retry_after(&headers, now), span, "{text:?}");
        }
    }
}
