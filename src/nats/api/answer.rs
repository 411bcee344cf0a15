//! The answers of JetStream's API: the requested data, or an error with its code.

use std::fmt;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::advice;
use super::refusable::refusable;
use super::subject;
use crate::nats::error::NatsError;

/// The description of `STREAM_STORE_FAILED`, the error of any failure to store, if a stream's own limit is reached.
const STREAM_FULL: &str = "maximum bytes exceeded";

/// Reads an answer: its fields, or the error that JetStream answers with.
///
/// # Errors
///
/// If the JSON is neither.
pub(in crate::nats) fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<Result<T, ApiError>> {
    let mut text = serde_json::Deserializer::from_slice(json);
    match refusable(&mut text, "error") {
        // An answer with an error lacks the fields of others.
        (Some(error), Ok(_)) => Ok(Err(error)),
        (Some(error), Err(why)) if why.is_data() => Ok(Err(error)),
        (None, Ok(answer)) => text.end().map(|()| Ok(answer)),
        (_, Err(why)) => Err(why),
    }
}

/// JetStream's answer to a publish.
pub(in crate::nats) enum Published {
    /// Stored under this sequence number.
    At(u64),
    /// Refused: the subject's last message is not the expected one.
    WrongLast,
}

#[derive(Deserialize)]
struct PubAck {
    error: Option<ApiError>,
    #[serde(default)]
    seq: u64,
}

impl Published {
    pub(in crate::nats) fn read(json: &[u8]) -> Result<Self, NatsError> {
        // Read once, not as `read` does: each timer has several.
        match serde_json::from_slice(json) {
            Ok(PubAck { error: None, seq }) => Ok(Self::At(seq)),
            Ok(PubAck { error: Some(error), .. }) if error.is_wrong_last() => Ok(Self::WrongLast),
            Ok(PubAck { error: Some(error), .. }) => Err(error.error(error.to_string())),
            Err(error) => Err(NatsError::Unclear(format!("the answer is not a publish ack: {error}"))),
        }
    }
}

/// The answer to a purge.
#[derive(Deserialize)]
pub(in crate::nats) struct Purged {
    #[serde(default)]
    pub(in crate::nats) purged: u64,
}

/// An error that JetStream answers with.
#[derive(Debug, Deserialize)]
pub(in crate::nats) struct ApiError {
    code: u32,
    #[serde(default)]
    err_code: ErrorCode,
    #[serde(default)]
    pub(in crate::nats) description: String,
}

impl ApiError {
    pub(in crate::nats) fn is_no_message(&self) -> bool {
        self.err_code == ErrorCode::NO_MESSAGE_FOUND
    }

    fn is_wrong_last(&self) -> bool {
        [ErrorCode::STREAM_WRONG_LAST_SEQUENCE, ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT]
            .contains(&self.err_code)
    }

    pub(in crate::nats) fn is_off(&self) -> bool {
        is_off(self.err_code)
    }

    /// Whether a storage limit is reached: the server's, the account's or the stream's.
    pub(in crate::nats) fn is_no_room(&self) -> bool {
        [
            ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
            ErrorCode::INSUFFICIENT_RESOURCES,
            // For a stream that is to be created.
            ErrorCode::STORAGE_RESOURCES_EXCEEDED,
        ]
        .contains(&self.err_code)
            || (self.err_code == ErrorCode::STREAM_STORE_FAILED && self.description == STREAM_FULL)
    }

    /// Advice on the limit that is reached, to append to the error; empty if no limit is the reason.
    pub(in crate::nats) fn advice(&self) -> &'static str {
        advice::for_limit(self.err_code)
    }

    /// The error of a request on this subject.
    pub(in crate::nats) fn on(&self, subject: &str) -> NatsError {
        self.error(format!("{}: {self}", subject::name(subject)))
    }

    fn error(&self, text: String) -> NatsError {
        if self.is_no_room() { NatsError::NoRoom(text) } else { NatsError::NotDone(text) }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {}, {})", self.description, self.code, self.err_code.0)
    }
}

/// Whether the code says that JetStream is off, for this account at least.
pub(in crate::nats) fn is_off(code: ErrorCode) -> bool {
    [ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT, ErrorCode::JETSTREAM_NOT_ENABLED].contains(&code)
}

/// Whether the error says that there is no such stream.
pub(in crate::nats) fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(inner) if inner.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::api::GetAnswer;

    #[test]
    fn an_error_is_not_taken_for_an_answer_and_says_which_request_failed() {
        let refused = r#"{"type": "t", "error": {"code": 404, "err_code": 10059, "description": "stream not found"}, "purged": 0}"#;
        let error =
            read::<Purged>(refused.as_bytes()).unwrap().map(|_| ()).unwrap_err().on("$JS.API.STREAM.PURGE.X");
        assert_eq!(
            error.to_string(),
            "NATS did not take the request: STREAM.PURGE.X: stream not found (code 404, 10059)"
        );
        assert_eq!(read::<Purged>(br#"{"success": true, "purged": 7}"#).unwrap().unwrap().purged, 7);
        assert!(read::<Purged>(b"+OK").is_err());
    }

    #[test]
    fn an_error_is_read_wherever_it_stands_and_whatever_fields_are_missing() {
        let error = r#""error": {"code": 404, "err_code": 10037, "description": "no message found"}"#;
        for json in [
            format!(r#"{{{error}}}"#),
            format!(r#"{{"type": "t", "message": {{"seq": 7}}, {error}}}"#),
            format!(r#"{{{error}, "message": 7}}"#),
        ] {
            let error = read::<GetAnswer>(json.as_bytes()).unwrap().err().expect("an error");
            assert!(error.is_no_message(), "{json}");
        }
        let none = read::<GetAnswer>(br#"{"error": null, "message": {"seq": 7}, "later": {"a": []}}"#);
        assert_eq!(none.unwrap().unwrap().message.seq, 7);
        for json in [
            "{}",
            r#"{"message": {}}"#,
            r#"{"error": 7}"#,
            r#"{"error": {}, "message": {"seq": 7}}"#,
            r#"{"message": {"seq": 7}} more"#,
            r#"{"message": {"seq": 7}"#,
            r#"{"error": {"code": 404}"#,
            "[]",
            "",
        ] {
            assert!(read::<GetAnswer>(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn a_publish_is_stored_or_lost_or_finds_no_room() {
        let read = |json: &str| Published::read(json.as_bytes());
        let refused = |code: u32, description: &str| {
            read(&format!(
                r#"{{"error": {{"code": 400, "err_code": {code}, "description": "{description}"}}, "stream": "S", "seq": 0}}"#
            ))
        };
        assert!(matches!(read(r#"{"stream": "S", "seq": 9}"#), Ok(Published::At(9))));
        assert!(matches!(refused(10_071, "wrong last sequence: 8"), Ok(Published::WrongLast)));
        assert!(matches!(refused(10_164, "wrong last sequence"), Ok(Published::WrongLast)));
        assert!(matches!(refused(10_077, STREAM_FULL), Err(NatsError::NoRoom(_))));
        assert!(matches!(refused(10_077, "raft: no quorum"), Err(NatsError::NotDone(_))));
        assert!(matches!(refused(10_023, "insufficient resources"), Err(NatsError::NoRoom(_))));
        assert!(matches!(read("{"), Err(NatsError::Unclear(_))));
    }
}
