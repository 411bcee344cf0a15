//! Marks the numbers of a JSON text that a double cannot hold, so that two requests differ even if they differ in such a number only.
//!
//! serde_json reads a number of more than 64 bits, or with a fraction, as the nearest double. The value of a marked number differs from
//! that of the double's own shortest text. Every other number has the same value, and is not changed.

use serde_json::{Number, Value};

/// The prefix of a text that replaces a number. JSON has to escape it, so no client writes it by accident.
const MARK: &str = "\\u0000number ";

/// The prefix added to a client's text that begins with either mark, so it equals neither a number's text nor another client's text.
const TEXT_MARK: &str = "\\u0000text ";

/// The JSON text, with a text in place of each number that a double cannot hold, and a mark before each text that begins with a mark;
/// `None` if there is neither.
pub(super) fn with_exact_numbers(json: &[u8]) -> Option<Vec<u8>> {
    let mut exact: Option<Vec<u8>> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                let end = end_of_text(json, at);
                if json.get(at..end).is_some_and(is_marked) {
                    let exact = exact.get_or_insert_default();
                    exact.extend_from_slice(&json[copied..=at]);
                    exact.extend_from_slice(TEXT_MARK.as_bytes());
                    copied = at + 1;
                }
                at = end;
            }
            b'-' | b'0'..=b'9' => {
                let end =
                    json[at..].iter().position(|byte| !is_of_number(*byte)).map_or(json.len(), |n| at + n);
                if let Some(number) = std::str::from_utf8(&json[at..end]).ok().and_then(lost) {
                    let exact = exact.get_or_insert_default();
                    exact.extend_from_slice(&json[copied..at]);
                    exact.extend_from_slice(format!("\"{MARK}{number}\"").as_bytes());
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    exact.as_mut()?.extend_from_slice(&json[copied..]);
    exact
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
}

/// Whether this text, with its quotes, begins with a mark, however its letters are escaped.
fn is_marked(text: &[u8]) -> bool {
    // JSON has no other way to write a NUL.
    text.starts_with(b"\"\\u0000")
        && serde_json::from_slice::<String>(text)
            .is_ok_and(|text| text.starts_with("\0number ") || text.starts_with("\0text "))
}

/// The position after the text that begins here.
fn end_of_text(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// The number in its normal form, if serde_json's reading of it has another value.
fn lost(text: &str) -> Option<String> {
    let read: Number = serde_json::from_str(text).ok()?;
    // An integer that fits into 64 bits is kept as it is.
    if read.is_i64() || read.is_u64() {
        return None;
    }
    let written = Decimal::of(text)?;
    (Decimal::of(&Value::Number(read).to_string())? != written).then(|| written.to_string())
}

/// The value of a number's text: its digits without zeros at either end, times ten to the power of the exponent.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self { negative, digits: "0".to_owned(), exponent: 0 });
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        let shift = i64::try_from(zeros).ok()? - i64::try_from(fraction.len()).ok()?;
        Some(Self { negative, digits: significant.to_owned(), exponent: exponent.checked_add(shift)? })
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        write!(f, "{sign}{}e{}", self.digits, self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(json: &str) -> Option<String> {
        with_exact_numbers(json.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_number_that_a_double_cannot_hold_becomes_its_text() {
        for (json, digits) in [
            ("25000000000000000001", "25000000000000000001e0"),
            ("0.10000000000000001", "10000000000000001e-17"),
            ("18446744073709551617", "18446744073709551617e0"),
            ("12345678901234567890.50", "123456789012345678905e-1"),
            ("-1.00000000000000000001E+2", "-100000000000000000001e-18"),
            ("1e-400", "1e-400"),
        ] {
            assert_eq!(text(json), Some(format!("\"{MARK}{digits}\"")), "{json}");
        }
        let json = r#"{"a\"1": "0.10000000000000001", "b": [0.10000000000000001,1]}"#;
        let expected =
            format!(r#"{{"a\"1": "0.10000000000000001", "b": ["{MARK}10000000000000001e-17",1]}}"#);
        assert_eq!(text(json), Some(expected));
    }

    #[test]
    fn a_text_that_reads_as_a_mark_gets_one_of_its_own() {
        for (json, expected) in [
            (r#"["\u0000number 1e0"]"#, Some(r#"["\u0000text \u0000number 1e0"]"#)),
            (r#""\u0000n\u0075mber ""#, Some(r#""\u0000text \u0000n\u0075mber ""#)),
            (r#"{"\u0000text a": 1}"#, Some(r#"{"\u0000text \u0000text a": 1}"#)),
            (r#"["\u0000", "\u0000numbers", "number 1e0", "\\u0000number 1e0"]"#, None),
        ] {
            assert_eq!(text(json).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn every_other_number_stays_and_so_do_fingerprints_of_before() {
        for json in [
            "0",
            "-0",
            "-0.0",
            "0e9",
            "1.0",
            "1.50",
            "1e2",
            "1E+2",
            "0.1",
            "18446744073709551615",
            "-9007199254740993",
            "9007199254740993",
            "25000000000000000000",
            "1e300",
            "5e-324",
            "1.7976931348623157e308",
            "true",
            "\"25000000000000000001\"",
        ] {
            assert_eq!(text(json), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn a_double_is_never_lost_and_other_values_are_told_apart(float in any::<f64>(), a in "[1-9][0-9]{0,24}\\.[0-9]{1,24}", b in "[1-9][0-9]{0,24}\\.[0-9]{1,24}") {
            if let Some(number) = Number::from_f64(float) {
                prop_assert_eq!(text(&number.to_string()), None);
            }
            let value = |json: &str| -> Value { serde_json::from_str(&text(json).unwrap_or_else(|| json.to_owned())).unwrap() };
            let same = Decimal::of(&a) == Decimal::of(&b);
            prop_assert_eq!(value(&a) == value(&b), same);
        }

        #[test]
        fn any_bytes_are_looked_at_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = with_exact_numbers(&bytes);
        }
    }
}
