//! `Idempotency-Key`: the same key of the same owner makes the same timer, whichever node gets it and however often.

use serde_json::Value;
use uuid::Uuid;
use warp::http::HeaderMap;

use super::json::Json;
use super::problem::{FieldError, Problem};
use super::{canonical, exact};
use rules::domain::timer::TimerId;

/// The field of a creation that replaces the header.
pub(super) const FIELD: &str = "idempotency_key";

/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// The name space of ids that are made of keys (RFC 9562, 5.5). It was drawn once and must never change, since the ids of stored timers
/// come from it.
const NAMESPACE: Uuid = Uuid::from_u128(0x7f0c_52a3_9d1e_4b5c_8e64_1d0a_93b7_26f1);

/// Reads the key, bare or as a quoted string (draft-ietf-httpapi-idempotency-key-header, 2.1).
///
/// # Errors
///
/// More than one key, a key of 0 or more than 255 bytes, or one with other than visible ASCII and spaces.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::bad_key("the request has more than one Idempotency-Key"));
    }
    // HTTP allows a tab in a header as well; RFC 9651 does not allow one in a string.
    let text = value.to_str().ok().map(str::trim).filter(|text| !text.contains('\t'));
    let text =
        text.ok_or_else(|| Problem::bad_key("the Idempotency-Key must be visible ASCII and spaces"))?;
    let key = match text.strip_prefix('"') {
        Some(rest) => unquoted(rest).ok_or_else(|| {
            Problem::bad_key("the Idempotency-Key starts with a quote but is not a quoted string")
        })?,
        None => text.to_owned(),
    };
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(Problem::bad_key("the Idempotency-Key must have 1 to 255 bytes"));
    }
    Ok(Some(key))
}

/// Takes the key out of a creation that has it as a field, since an item of a bulk request has no header of its own. The rest is the same
/// request as one with the key in its header.
///
/// # Errors
///
/// As [`key`], as an error of the field.
pub(super) fn take(creation: &mut Value) -> Result<Option<String>, Problem> {
    let Some(value) = creation.as_object_mut().and_then(|fields| fields.remove(FIELD)) else {
        return Ok(None);
    };
    let fits = |key: &&str| {
        (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    };
    match value.as_str().filter(fits) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(wrong("must be a string of 1 to 255 characters, each visible ASCII or a space")),
    }
}

fn wrong(detail: &str) -> Problem {
    Problem::invalid_timer(vec![FieldError { pointer: format!("/{FIELD}"), detail: detail.to_owned() }])
}

/// Reads the rest of a string after its opening quote, in the form of RFC 9651 (3.3.3).
fn unquoted(rest: &str) -> Option<String> {
    let inner = rest.strip_suffix('"')?;
    let mut key = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => key.push(chars.next().filter(|c| matches!(c, '\\' | '"'))?),
            '"' => return None,
            other => key.push(other),
        }
    }
    Some(key)
}

/// The key of one of many timers in a request with this key. No request can have it as its own, since a key has no line breaks.
pub(super) fn key_of_item(key: &str, place: usize) -> String {
    format!("{key}\n{place}")
}

/// The id of the timer that this key makes for this owner. The owner is the name of a token, so no token gets a timer by guessing the key
/// of another. No name and no key contains a NUL, so no two of them read the same.
pub(super) fn id_of(owner: Option<&str>, key: &str) -> TimerId {
    match owner {
        Some(owner) => Uuid::new_v5(&NAMESPACE, format!("{owner}\0{key}").as_bytes()),
        None => Uuid::new_v5(&NAMESPACE, key.as_bytes()),
    }
}

/// A digest of the request, which shows when a key is used for a different request. Objects are compared by content, not by the order of
/// their fields. Numbers are compared by value, even if a double cannot hold it. But an integer of up to 64 bits (`100`) differs from a
/// number with a fraction or an exponent (`100.0`, `1e2`), as it does in a body, which is sent as it was written. A request with a repeated
/// field is the same only if it is written the same.
pub(super) fn fingerprint(json: &Json) -> Uuid {
    let exact = exact::with_exact_numbers(&json.bytes);
    let text = canonical::without(FIELD, exact.as_deref().unwrap_or(&json.bytes));
    // Fingerprints are stored, so the text of a request without such numbers must not change between versions.
    Uuid::new_v5(&NAMESPACE, text.as_deref().unwrap_or(&json.bytes))
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    fn read(value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", HeaderValue::from_static(value));
        key(&headers).ok().flatten()
    }

    #[test]
    fn bare_and_quoted_keys_are_the_same_key() {
        assert_eq!(read("abc").as_deref(), Some("abc"));
        assert_eq!(read("\"abc\"").as_deref(), Some("abc"));
        assert_eq!(read(r#""a\"b\\c""#).as_deref(), Some(r#"a"b\c"#));
    }

    /// HTTP takes blanks around a header's value away (RFC 9110, 5.5), and JSON keeps those in a text.
    #[test]
    fn a_key_with_blanks_is_the_same_key_in_quotes_and_in_a_field() {
        let mut creation = serde_json::json!({ "idempotency_key": " a " });
        assert_eq!(take(&mut creation).unwrap(), read("\" a \""));
        assert_eq!(read(" a "), read("a"));
    }

    #[test]
    fn a_broken_key_is_refused() {
        for broken in ["", "\"", "\"\"", "\"abc", r#""a"b""#, r#""a\b""#, "a\tb"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_key_is_taken_out_of_a_creation_or_refused() {
        let mut creation = serde_json::json!({ "delay": "1h", "idempotency_key": " a\"b" });
        assert_eq!(take(&mut creation).unwrap().as_deref(), Some(" a\"b"));
        assert_eq!(creation, serde_json::json!({ "delay": "1h" }));
        assert!(take(&mut creation).unwrap().is_none() && take(&mut Value::Null).unwrap().is_none());
        for bad in [Value::Null, 1.into(), "".into(), "a\nb".into(), "é".into(), "x".repeat(256).into()] {
            assert!(take(&mut serde_json::json!({ "idempotency_key": bad })).is_err());
        }
    }

    #[test]
    fn each_token_has_keys_of_its_own() {
        let ids = [
            id_of(None, "k"),
            id_of(Some("a"), "k"),
            id_of(Some("b"), "k"),
            id_of(Some("a"), &key_of_item("k", 0)),
            id_of(None, &key_of_item("a", 0)),
        ];
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len(), "{ids:?}");
        assert_eq!(id_of(Some("a"), "k"), id_of(Some("a"), "k"));
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        let [one, other] = [r#"{"a": 1, "b": {"c": 2, "d": 3}}"#, r#"{"b": {"d": 3, "c": 2}, "a": 1}"#];
        assert_eq!(of(one), of(other));
    }

    fn of(text: &'static str) -> Uuid {
        let mut json = Json::read(text.into()).unwrap();
        take(&mut json.value).unwrap();
        fingerprint(&json)
    }

    #[test]
    fn another_number_is_another_request_whatever_a_double_makes_of_it() {
        for (one, other) in [
            (r#"{"wei": 25000000000000000001}"#, r#"{"wei": 25000000000000000002}"#),
            (r#"{"a": 0.1}"#, r#"{"a": 0.10000000000000001}"#),
            (r#"{"a": 18446744073709551615}"#, r#"{"a": 18446744073709551616}"#),
            (r#"{"a": 1e-400}"#, r#"{"a": 0}"#),
            (r#"{"a": "\u0000number 25000000000000000001e0"}"#, r#"{"a": 25000000000000000001}"#),
            (
                r#"{"a": "\u0000text \u0000number 1e-400", "b": 1e-400}"#,
                r#"{"a": "\u0000number 1e-400", "b": 1e-400}"#,
            ),
            (r#"{"a": 1}"#, r#"{"a": 1.0}"#),
            (r#"{"a": 100}"#, r#"{"a": 1e2}"#),
            (r#"{"a": 0}"#, r#"{"a": -0}"#),
            (r#"{"body": {"a": 1, "a": 2}}"#, r#"{"body": {"a": 3, "a": 2}}"#),
            (r#"{"body": {"a": 1, "a": 2}}"#, r#"{"body": {"a": 2}}"#),
        ] {
            assert_ne!(of(one), of(other), "{one} {other}");
        }
        assert_eq!(of(r#"{"a": 1e2, "b": 1.50}"#), of(r#"{"b":1.5,"a":100.0}"#));
        let big = r#"{"a": 25000000000000000001}"#;
        assert_eq!(of(big), of(r#"{"a":2500000000000000000.10e1}"#));
        assert_eq!(of(big), of(r#"{"idempotency_key": "k", "a": 25000000000000000001}"#));
    }

    /// Records store the fingerprints of creations: if a fingerprint changes, a repeat is refused.
    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        let text = r#"{"delay": "1h", "url": "http://a/", "body": {"b": [1.50, 1e2, -0, 9007199254740993], "a": "\u00fc"}}"#;
        let stored =
            r#"{"body":{"a":"ü","b":[1.5,100.0,-0.0,9007199254740993]},"delay":"1h","url":"http://a/"}"#;
        assert_eq!(of(text), Uuid::new_v5(&NAMESPACE, stored.as_bytes()));
    }
}
