//! How much room a timer takes: its record, and the message that wakes a worker. The estimate is rather too large.

use std::collections::BTreeMap;

use crate::domain::called::Answer;
use crate::domain::change::Change;
use crate::domain::target::{Body, TargetUrl};
use crate::domain::timer::Timer;

/// Bytes that every timer takes: the other fields of its record, its wake, and what JetStream adds to both.
const EVERY_TIMER: usize = 1_200;

/// Bytes that a header field or a label takes in addition to its text: quotes, commas, brackets.
const EVERY_PAIR: usize = 8;

/// The bytes that a new timer takes.
pub fn of_timer(timer: &Timer) -> u64 {
    let callbacks = [&timer.callbacks.on_delivered, &timer.callbacks.on_failed];
    let bytes = EVERY_TIMER
        + of_url(&timer.target.url)
        + of_headers(&timer.target.headers)
        + of_body(&timer.target.body)
        + callbacks.into_iter().flatten().map(of_url).sum::<usize>()
        + of_labels(&timer.metadata);
    bytes as u64
}

/// The bytes by which a change may let a timer grow: everything it sets. A change of the instant or of numbers counts as 0.
pub fn of_change(change: &Change) -> u64 {
    let callbacks = [&change.on_delivered, &change.on_failed].into_iter().flatten().flatten();
    let bytes = change.url.as_ref().map_or(0, of_url)
        + change.headers.as_deref().map_or(0, of_headers)
        + change.body.as_ref().map_or(0, of_body)
        + callbacks.map(of_url).sum::<usize>()
        + change.metadata.as_deref().map_or(0, of_labels);
    bytes as u64
}

/// The bytes by which a receiver's answer lets a timer grow.
pub fn of_answer(answer: &Answer) -> u64 {
    (EVERY_PAIR + answer.body.len().div_ceil(3) * 4) as u64
}

fn of_url(url: &TargetUrl) -> usize {
    url.as_str().len()
}

fn of_headers(headers: &[(String, String)]) -> usize {
    headers.iter().map(|(name, value)| name.len() + of_text(value) + EVERY_PAIR).sum()
}

fn of_labels(labels: &BTreeMap<String, String>) -> usize {
    labels.iter().map(|(name, value)| of_text(name) + of_text(value) + EVERY_PAIR).sum()
}

fn of_body(body: &Body) -> usize {
    match body {
        Body::Default => 0,
        Body::Json(text) | Body::Text(text) => of_text(text),
        Body::Bytes(bytes) => bytes.len().div_ceil(3) * 4,
    }
}

/// The length of a text as a record has it, in JSON without its quotes.
pub fn of_text(text: &str) -> usize {
    let written = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(written).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::attempt::Delivery;
    use crate::domain::sample::a_timer;

    #[test]
    fn text_takes_what_it_takes_in_json() {
        for text in ["", "abc", "\"\\\n\t\r\u{8}\u{c}", "\u{1}\u{1f}\u{7f} ", "äöü😀"] {
            assert_eq!(of_text(text), serde_json::to_string(text).unwrap().len() - 2, "{text:?}");
        }
    }

    #[test]
    fn a_timer_takes_at_least_what_its_parts_take() {
        let mut timer = a_timer(Delivery::AtMostOnce, 3);
        let bare = of_timer(&timer);
        timer.target.body = Body::Bytes(vec![0; 3_000].into());
        timer.metadata = Arc::new([("a".to_owned(), "b".to_owned())].into());
        assert_eq!(of_timer(&timer), bare + 4_000 + 10);
        let moved = Change { due_at: Some(timer.due_at), ..Change::default() };
        assert_eq!(of_change(&moved), 0);
        assert_eq!(of_change(&Change { body: Some(Body::Text("\"".repeat(9).into())), ..moved }), 18);
    }
}
