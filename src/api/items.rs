//! Splits a request for many timers into its items, as text; each is read separately. It keeps one item more than a request may have, and
//! no further ones, since a body of 8 MiB may have four million.

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserializer as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::problem::Problem;

/// The most timers that one request creates.
pub(super) const MAX_TIMERS: usize = 1_000;

/// How many items are split off: one more than allowed shows that there are too many.
const MOST: usize = MAX_TIMERS + 1;

/// The items of a JSON array, each as it was written.
pub(super) fn elements(bytes: &Bytes) -> Result<Vec<Bytes>, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let elements = deserializer.deserialize_seq(Elements).and_then(|elements| {
        deserializer.end()?;
        Ok(elements)
    });
    let elements =
        elements.map_err(|error| Problem::not_json(format!("the body is not a JSON array: {error}")))?;
    Ok(elements.into_iter().map(|element| bytes.slice_ref(element.get().as_bytes())).collect())
}

/// The lines that are not blank.
pub(super) fn lines(bytes: &Bytes) -> Vec<Bytes> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty()).take(MOST).map(|line| bytes.slice_ref(line)).collect()
}

/// Reads the first elements of an array. The others are parsed and thrown away.
struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut elements = vec![];
        while elements.len() < MOST {
            let Some(element) = items.next_element()? else { return Ok(elements) };
            elements.push(element);
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::json::Json;

    #[test]
    fn an_array_and_lines_give_the_items_as_they_were_written() {
        let array = Bytes::from_static(br#" [ {"a": 1.0}, 2 ,"x" ] "#);
        let items: Vec<Bytes> = elements(&array).unwrap();
        assert_eq!(items, [&br#"{"a": 1.0}"#[..], b"2", b"\"x\""]);
        let text = Bytes::from_static(b"{\"a\": 1}\r\n\n  {broken\n");
        assert_eq!(lines(&text), [&b"{\"a\": 1}"[..], b"{broken"]);
        for broken in ["{}", "[1] 2", "[1,", ""] {
            assert!(elements(&Bytes::from_static(broken.as_bytes())).is_err(), "{broken}");
        }
    }

    #[test]
    fn of_too_many_items_no_more_are_taken_apart_than_show_it() {
        let many: Bytes = format!("[{}]", ["0"; 3 * MOST].join(",")).into();
        assert_eq!(elements(&many).unwrap().len(), MOST);
        assert_eq!(lines(&"0\n".repeat(3 * MOST).into()).len(), MOST);
        assert!(elements(&format!("[{}", ["0"; 3 * MOST].join(",")).into()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_have_items_that_are_json_or_are_told_not_to_be(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                "[\\[\\]{}\",:0-9a-z \\n\\r]{0,100}".prop_map(String::into_bytes),
            ],
        ) {
            let bytes = Bytes::from(bytes);
            for item in lines(&bytes) {
                prop_assert!(!item.is_empty() && !item.contains(&b'\n'));
                let _ = Json::read(item);
            }
            // An element of an array is valid JSON by itself.
            for item in elements(&bytes).unwrap_or_default() {
                prop_assert!(Json::read(item).is_ok());
            }
        }
    }
}
