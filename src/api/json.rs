//! A JSON body, as text and as values: all of it except the field `body`, of which only the text is needed.
//!
//! A tree of values may take a hundred times the memory of its text. So a text is refused as soon as it has more values than any timer
//! can have.

use std::ops::Range;

use bytes::Bytes;
use serde_json::Value;

use super::problem::{FieldError, Problem};
use crate::foundation::repeated::{self, Tree};

/// The field whose text is sent to the receiver.
const BODY: &str = "body";

/// The most values outside of `body`. A timer with every field has some 650, of which 505 are statuses.
pub(super) const MAX_VALUES: usize = 1_024;

#[derive(Debug)]
pub(super) struct Json {
    /// The body as it was written.
    pub(super) bytes: Bytes,
    /// The values. The field `body`, if it is there, is null here.
    pub(super) value: Value,
    /// Pointers to the fields that occur more than once, except those within `body`.
    pub(super) repeated: Vec<String>,
    /// Where the value of the field `body` is in `bytes`.
    body: Option<Range<usize>>,
}

/// Why a text is refused.
#[derive(Debug)]
pub(super) enum Bad {
    NotJson(serde_json::Error),
    /// It has more than [`MAX_VALUES`] values outside of `body`.
    TooManyValues,
}

impl Bad {
    /// The problem of this text, which `what` names.
    pub(super) fn problem(self, what: &str) -> Problem {
        match self {
            Self::NotJson(error) => Problem::not_json(format!("{what} is not JSON: {error}")),
            Self::TooManyValues => Problem::invalid_timer(vec![FieldError {
                pointer: String::new(),
                detail: format!("has more than {MAX_VALUES} values outside of body, more than any timer has"),
            }]),
        }
    }
}

impl Json {
    /// Reads a JSON text.
    ///
    /// # Errors
    ///
    /// Why the text is refused.
    pub(super) fn read(bytes: Bytes) -> Result<Self, Bad> {
        let read = repeated::read(&bytes, Some(BODY), MAX_VALUES).map_err(Bad::NotJson)?;
        let Tree { value, opaque, repeated } = read.ok_or(Bad::TooManyValues)?;
        let body = opaque.map(|body| {
            let start = body.as_ptr().addr() - bytes.as_ptr().addr();
            start..start + body.len()
        });
        Ok(Self { bytes, value, repeated, body })
    }

    /// The value of the field `body` as the client wrote it: its numbers, its order and its blanks are the receiver's business.
    pub(super) fn body(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(self.body.clone()?)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_read_but_for_its_body_which_stays_as_it_was_written() {
        let json =
            Json::read(Bytes::from_static(b" {\"a\": [1], \"body\": {\"b\" : 1.0} , \"c\": {\"body\": 2}}"))
                .unwrap();
        assert_eq!(json.value, json!({ "a": [1], "body": null, "c": { "body": 2 } }));
        assert_eq!(json.body(), Some("{\"b\" : 1.0}"));
        // A part of a larger text has its own places. Of two bodies, the last one counts.
        let part = Bytes::from_static(b"[{\"body\": 0}, {\"body\": 1, \"body\": [ 2 ]}]").slice(14..40);
        let part = Json::read(part).unwrap();
        assert_eq!((part.body(), &part.repeated[..]), (Some("[ 2 ]"), &["/body".to_owned()][..]));
        let other = Json::read(Bytes::from_static(b"[{\"body\": 1}]")).unwrap();
        assert_eq!((other.body(), &other.value), (None, &json!([{ "body": 1 }])));
        for broken in ["{\"body\": 1e999}", "{\"body\": \"\\ud800\"}", "{} x", "{\"body\": [}", ""] {
            assert!(matches!(Json::read(broken.into()), Err(Bad::NotJson(_))), "{broken}");
        }
    }

    #[test]
    fn a_text_with_more_values_than_a_timer_has_is_refused_unless_they_are_in_its_body() {
        let many = format!("[{}]", ["0"; 2 * MAX_VALUES].join(","));
        assert!(Json::read(format!(r#"{{"delay": "1h", "body": {many}}}"#).into()).is_ok());
        for field in ["odd", "metadata"] {
            let bad = Json::read(format!(r#"{{"{field}": {many}}}"#).into()).unwrap_err();
            assert_eq!(bad.problem("this timer").status(), 422);
        }
        let fit = format!("[{}]", ["0"; MAX_VALUES - 1].join(","));
        assert!(Json::read(fit.into()).is_ok());
    }
}
