//! Makes the canonical form of a JSON text, which all texts with the same content share: without blanks, fields in the order of their
//! names, numbers and texts as serde_json writes them. It equals the printed `serde_json::Value` of the text, but is made without such a
//! tree, which may take a hundred times the memory of its text.

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// The canonical form, without one field of the text's own object. `None` if a field occurs twice, at any depth, or if the text is not
/// JSON.
pub(super) fn without(field: &str, json: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![];
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    Write { out: &mut out, without: Some(field) }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(out)
}

/// Writes the values that it reads.
struct Write<'w> {
    out: &'w mut Vec<u8>,
    /// The field of this object that is left out.
    without: Option<&'w str>,
}

impl Write<'_> {
    fn write<E: serde::de::Error>(self, value: &(impl Serialize + ?Sized)) -> Result<(), E> {
        serde_json::to_writer(self.out, value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Write<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Write<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { out, without } = self;
        let start = out.len();
        // Each name, and where its field is written.
        let mut fields: Vec<(String, Range<usize>)> = vec![];
        while let Some(name) = map.next_key::<String>()? {
            let at = out.len();
            Write { out: &mut *out, without: None }.write(&name)?;
            out.push(b':');
            map.next_value_seed(Write { out: &mut *out, without: None })?;
            if without == Some(name.as_str()) {
                out.truncate(at);
            }
            fields.push((name, at..out.len()));
        }
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        if fields.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(A::Error::custom("a field is there twice"));
        }
        let written = out.split_off(start);
        out.push(b'{');
        for (_, place) in fields.into_iter().filter(|(_, place)| !place.is_empty()) {
            if out.len() > start + 1 {
                out.push(b',');
            }
            out.extend_from_slice(&written[place.start - start..place.end - start]);
        }
        out.push(b'}');
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let out = self.out;
        out.push(b'[');
        let start = out.len();
        loop {
            let before = out.len();
            if before > start {
                out.push(b',');
            }
            if items.next_element_seed(Write { out: &mut *out, without: None })?.is_none() {
                out.truncate(before);
                out.push(b']');
                return Ok(());
            }
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.write(&())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.write(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Number, Value};

    use super::*;

    fn text(json: &str) -> Option<String> {
        without("k", json.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn fields_are_in_order_at_every_depth_and_one_is_left_out() {
        for (json, canonical) in [
            (" 7 ", "7"),
            ("[ ]", "[]"),
            ("{ }", "{}"),
            (r#"{"k":1}"#, "{}"),
            (
                r#"{"b":1,"k":{"c":2},"a":[{"k":3,"a":[]},-0,1e2]}"#,
                r#"{"a":[{"a":[],"k":3},-0.0,100.0],"b":1}"#,
            ),
            // In the order of the names' own bytes, not of the bytes of their escaped spelling.
            (r#"{"\"":1,"!":2,"\u0001":3,"é":4,"~":5}"#, r#"{"\u0001":3,"!":2,"\"":1,"~":5,"é":4}"#),
        ] {
            assert_eq!(text(json).as_deref(), Some(canonical), "{json}");
        }
        for broken in
            [r#"{"a":1,"a":1}"#, r#"{"k":1,"k":1}"#, r#"[{"a":{"b":1,"b":2}}]"#, "[1", "1 2", "[,1]"]
        {
            assert_eq!(text(broken), None, "{broken}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(|float| Number::from_f64(float).map_or(Value::Null, Value::Number)),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let fields = prop::collection::vec(("[a-c\"\\\\\u{1}é]{0,2}", inner.clone()), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::from),
                fields.prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_what_a_tree_of_the_text_prints(value in any_json()) {
            // With blanks, as another client may write it.
            let written = serde_json::to_string_pretty(&value).unwrap();
            let mut tree: Value = serde_json::from_str(&written).unwrap();
            if let Some(fields) = tree.as_object_mut() {
                fields.remove("k");
            }
            prop_assert_eq!(text(&written), Some(tree.to_string()));
        }
    }
}
