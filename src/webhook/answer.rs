//! The parts of an answer in addition to its status: the fields that matter, and the beginning of the body.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::exchange::Exchanged;
use rules::domain::called::{Answer, MAX_ANSWER_BYTES};
use rules::domain::time::Timestamp;

/// How long the rest of an answer is waited for once its status is known. The status alone decides, and until the outcome is stored, a
/// crash of the node makes it unknown. Most bodies come with the status, or one network delay later.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How many bytes of a body are read, though no more than [`MAX_ANSWER_BYTES`] are kept: a connection whose body is read to the end is free
/// for the next call, and some receivers take it for abuse if a stream of HTTP/2 is cut off.
const READ_ON: usize = 131_072;

/// The fields of an answer that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    retry_after: Option<String>,
    proxy_status: Option<String>,
}

impl Fields {
    /// Notes a field, whose name is in lower case.
    pub(super) fn field(&mut self, name: &[u8], value: &[u8]) {
        let text = || str::from_utf8(value).ok().map(str::to_owned);
        match name {
            b"retry-after" if self.retry_after.is_none() => self.retry_after = text(),
            // The last intermediary is the one next to us, and writes last (RFC 9209, 2).
            b"proxy-status" => self.proxy_status = text(),
            _ => {}
        }
    }

    /// The report of the last intermediary.
    pub(super) fn proxy_status(&self) -> Option<&str> {
        self.proxy_status.as_deref()
    }

    /// How long from now the receiver asks to be left alone (`Retry-After`; RFC 9110, 10.2.3), in whole milliseconds. It gives seconds or a
    /// date; a date in the past counts as zero.
    pub(super) fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let asked = asked(self.retry_after.as_deref()?, now)?.min(LONGEST_RETRY_AFTER);
        Some(Duration::from_millis(asked.as_micros().div_ceil(1_000) as u64))
    }
}

/// Reads the beginning of an answer's body, and some of the bytes after that, until `deadline` at the latest.
pub(super) async fn read(exchanged: &mut Exchanged, deadline: Instant) -> Answer {
    let (mut body, mut count) = (vec![], 0);
    let whole = async {
        // A body that breaks off changes nothing.
        while let Some(bytes) = exchanged.piece().await {
            count += bytes.len();
            keep(&mut body, &bytes);
            if count > READ_ON {
                return false;
            }
        }
        count <= MAX_ANSWER_BYTES
    };
    let until = deadline.min(Instant::now() + PATIENCE);
    let whole = tokio::time::timeout_at(until, whole).await.unwrap_or(false);
    Answer { body, truncated: !whole }
}

fn keep(body: &mut Vec<u8>, bytes: &Bytes) {
    let room = MAX_ANSWER_BYTES - body.len();
    body.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// The longest time that a receiver can ask for: longer than any wait between two attempts.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(366 * 86_400);

fn asked(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large for us is still a number.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(Duration::from_micros(now.as_micros())))
}

#[cfg(test)]
mod tests {
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
            let mut fields = Fields::default();
            fields.field(b"retry-after", text.as_bytes());
            assert_eq!(fields.retry_after(now), span, "{text:?}");
        }
    }
}
