//! Reads a JSON text into a tree of values, and finds the fields that occur more than once on the way. RFC 8259 (4) leaves open what a
//! text with such fields means; serde_json takes the last one and says nothing.
//!
//! A tree may take a hundred times the memory of its text. So the values are counted as they come, and one field may stay a text.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How many fields are named: a pointer may be nearly as long as the text, so all of them could fill the memory.
const MOST: usize = 100;

/// How many objects and arrays within each other serde_json reads.
const LEVELS: u8 = 127;

/// What a text says.
#[derive(Debug)]
pub struct Tree<'j> {
    /// The values. The opaque field, if it is there, is null here. Of fields with one name, the last one is here.
    pub value: Value,
    /// The value of the opaque field as it was written, if it is there.
    pub opaque: Option<&'j str>,
    /// The JSON pointers (RFC 6901) of the first fields that an object has more than once, at every depth except within the opaque
    /// field.
    pub repeated: Vec<String>,
}

/// Reads a text. The field `opaque` of the text's own object has to be JSON, and may contain anything. Outside of it, the text may have
/// `most` values, counting objects and arrays; `None` if it has more, whatever follows them.
///
/// # Errors
///
/// If the text is not JSON, or not such as a [`Value`] can hold, within the opaque field or outside of it.
pub fn read<'j>(
    json: &'j [u8],
    opaque: Option<&str>,
    most: usize,
) -> Result<Option<Tree<'j>>, serde_json::Error> {
    let mut seen = Seen { opaque: None, repeated: vec![], left: Some(most) };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let walk = Walk { at: &Place::Top, opaque, seen: &mut seen };
    let walked = walk.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match walked {
        Ok(value) => Ok(Some(Tree { value, opaque: seen.opaque, repeated: seen.repeated })),
        Err(_) if seen.left.is_none() => Ok(None),
        // The opaque field was checked as a text of its own. The place of its error is that in the whole text.
        Err(error) => Err(check(json).err().unwrap_or(error)),
    }
}

/// Checks a text without making a tree.
fn check(json: &[u8]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    Anything { levels: LEVELS }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// The first fields that an object of the text has more than once, at every depth except within `opaque`. Empty if the text is not
/// JSON, which its readers find out by themselves.
pub fn fields(json: &[u8], opaque: Option<&str>) -> Vec<String> {
    read(json, opaque, usize::MAX).ok().flatten().map(|tree| tree.repeated).unwrap_or_default()
}

/// A name as a part of a JSON pointer (RFC 6901, 3).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The place of a value: its own name or number, and the place of the value around it.
enum Place<'p> {
    Top,
    Field(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Field(around, name) => write!(f, "{around}/{}", escaped(name)),
            Self::Item(around, number) => write!(f, "{around}/{number}"),
        }
    }
}

/// What a walk has come across.
struct Seen<'j> {
    opaque: Option<&'j str>,
    repeated: Vec<String>,
    /// How many more values are allowed; `None` once there was one too many.
    left: Option<usize>,
}

/// Makes the tree of a value.
struct Walk<'w, 'j> {
    at: &'w Place<'w>,
    /// A field of this object whose value may be anything.
    opaque: Option<&'w str>,
    seen: &'w mut Seen<'j>,
}

impl<'j> DeserializeSeed<'j> for Walk<'_, 'j> {
    type Value = Value;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.seen.left = self.seen.left.and_then(|left| left.checked_sub(1));
        if self.seen.left.is_none() {
            return Err(D::Error::custom("there are too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'j> Visitor<'j> for Walk<'_, 'j> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Value, A::Error> {
        let (mut fields, mut named) = (Map::new(), BTreeSet::new());
        while let Some(name) = map.next_key::<String>()? {
            let value = if self.opaque == Some(name.as_str()) {
                let text: &'j RawValue = map.next_value()?;
                // One level is the object around it.
                Anything { levels: LEVELS - 1 }.deserialize(text).map_err(A::Error::custom)?;
                self.seen.opaque = Some(text.get());
                Value::Null
            } else {
                let at = Place::Field(self.at, &name);
                map.next_value_seed(Walk { at: &at, opaque: None, seen: &mut *self.seen })?
            };
            match fields.entry(name) {
                Entry::Vacant(field) => {
                    field.insert(value);
                }
                Entry::Occupied(mut field) => {
                    // It may be there a third time.
                    if self.seen.repeated.len() < MOST && named.insert(field.key().clone()) {
                        self.seen.repeated.push(Place::Field(self.at, field.key()).to_string());
                    }
                    field.insert(value);
                }
            }
        }
        Ok(Value::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = vec![];
        loop {
            let at = Place::Item(self.at, values.len());
            match items.next_element_seed(Walk { at: &at, opaque: None, seen: &mut *self.seen })? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }
}

/// Any JSON of which serde_json can make a tree. Unlike in an ignored value, its texts and numbers are read, and its depth is limited.
#[derive(Clone, Copy)]
struct Anything {
    /// How many objects and arrays it may have within each other.
    levels: u8,
}

impl Anything {
    /// What may be in this object or array.
    fn within<E: serde::de::Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| E::custom("recursion limit exceeded"))?;
        Ok(Self { levels })
    }
}

impl<'de> DeserializeSeed<'de> for Anything {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let within = self.within()?;
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(within)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let within = self.within()?;
        while items.next_element_seed(within)?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    type Read<T> = Result<Option<T>, String>;

    /// The values, or what is said about the text.
    fn value(json: &str) -> Read<Value> {
        let read = read(json.as_bytes(), Some("body"), usize::MAX).map_err(|error| error.to_string())?;
        Ok(read.map(|tree| tree.value))
    }

    /// The text of the field `body`, or what is said about the whole text, which may have this many values besides.
    fn body(json: &str, most: usize) -> Read<String> {
        let read = read(json.as_bytes(), Some("body"), most).map_err(|error| error.to_string())?;
        Ok(read.and_then(|tree| tree.opaque.map(str::to_owned)))
    }

    /// What serde_json makes of the text.
    fn by_serde(json: &str) -> Read<Value> {
        serde_json::from_str(json).map(Some).map_err(|error| error.to_string())
    }

    #[test]
    fn each_field_that_is_there_twice_is_found_by_its_pointer() {
        for (json, pointers) in [
            (r#"{"delay":"1h","delay":"0s"}"#, &["/delay"][..]),
            (r#"{"delay":"1h","d\u0065lay":"0s","delay":1}"#, &["/delay"]),
            (
                r#"{"retry":{"factor":1,"factor":2},"a":{"a":1},"b":[1,{"a":1,"a":2}]}"#,
                &["/retry/factor", "/b/1/a"],
            ),
            (r#"{"headers":{"a/b~":1,"a/b~":2}}"#, &["/headers/a~1b~0"]),
            (r#"{"a":{"b":1,"b":2},"a":{}}"#, &["/a/b", "/a"]),
            (r#"{"a":1,"a":2,"b":1,"a":3,"b":2,"a":4}"#, &["/a", "/b"]),
            (r#"{"a":{"b":1,"b":2,"b":3},"a":{"b":1,"b":2},"a":0}"#, &["/a/b", "/a/b", "/a"]),
            (r#"[{"a":[{"":1,"":2}],"a":0}]"#, &["/0/a/0/", "/0/a"]),
            (r#"{"a":1,"A":2,"b":null,"c":[1.5,-1,true,"x"]}"#, &[]),
            ("7", &[]),
            (r#"{"a":1,"a":2"#, &[]),
            (r#"{"a":1,"a":2} x"#, &[]),
        ] {
            assert_eq!(fields(json.as_bytes(), None), pointers, "{json}");
        }
        let json = br#"{"body":{"a":1,"a":2},"b":{"body":{"a":1,"a":2}},"body":1}"#;
        assert_eq!(fields(json, Some("body")), ["/b/body/a", "/body"]);
        let many = format!("{{{}}}", vec![r#""a":{"b":1,"b":2}"#; 1_000].join(","));
        assert_eq!(fields(many.as_bytes(), None).len(), MOST);
    }

    #[test]
    fn values_are_counted_at_every_depth_but_within_the_opaque_field() {
        for (json, values) in [
            ("7", 1),
            ("[]", 1),
            ("[1,[2,{}]]", 5),
            (r#"{"a":{"b":[null]},"body":[1,[2],{"c":3}],"d":"x"}"#, 5),
        ] {
            let read = |most| read(json.as_bytes(), Some("body"), most).unwrap().is_none();
            assert_eq!((read(values - 1), read(values)), (true, false), "{json}");
        }
        // What follows the last value that is allowed is not read.
        assert!(read(b"[1,2,", None, 2).unwrap().is_none());
        assert!(read(b"[1,2,", None, 3).is_err());
    }

    #[test]
    fn a_text_is_read_as_serde_json_reads_it_but_for_the_opaque_field() {
        for json in [
            "7",
            " [] ",
            "{}",
            r#"{"b":[1,-2,1.50,1e3,18446744073709551616,-0,true,null,"\u00fc\n",[],{}],"a":{"a":{"b":"x"}}}"#,
            r#"[{"body":[1]}]"#,
            r#"{"a":{"b":1},"b":0,"a":{"c":2}}"#,
        ] {
            assert_eq!(value(json), by_serde(json), "{json}");
            assert_eq!(body(json, usize::MAX), Ok(None), "{json}");
        }
        let json = "{\"a\":{\"body\":1},\"b\\u006fdy\" :\n [1.50 , {\"a\":1}] ,\"b\":2}";
        assert_eq!(value(json), Ok(Some(json!({ "a": { "body": 1 }, "body": null, "b": 2 }))));
        assert_eq!(body(json, 4), Ok(Some("[1.50 , {\"a\":1}]".to_owned())));
        assert_eq!(body(r#"{"body":1,"a":0,"body":"x"}"#, 2), Ok(Some("\"x\"".to_owned())));
    }

    #[test]
    fn a_name_that_serde_json_gives_a_meaning_is_a_name_like_others() {
        let json = r#"{"a":{"$serde_json::private::RawValue":"[1,2]"}}"#;
        assert_eq!(value(json), Ok(Some(json!({ "a": { "$serde_json::private::RawValue": "[1,2]" } }))));
    }

    #[test]
    fn an_error_has_its_place_in_the_whole_text_and_so_has_one_within_the_opaque_field() {
        for json in [
            "",
            "{\"a\": [1,]}",
            "{\n \"body\": [1,\n  1e999]}",
            "{\n \"body\": {\"a\": \"\\ud800\"}, \"b\": [}",
            "{\"a\": 1, \"body\": [1, ], \"b\": 2}",
            "{\"body\": {\"a\" 1}}",
            "{\"body\": \"\u{1}\"}",
            "{\"body\": [1",
            "{\"body\": 1, \"a\": nil}",
            "{\"body\": 1} x",
        ] {
            let said = by_serde(json).unwrap_err();
            assert_eq!((value(json), body(json, 3)), (Err(said.clone()), Err(said)), "{json}");
        }
        assert!(read(b"{\"body\": \"\xff\"}", Some("body"), 1).is_err());
    }

    #[test]
    fn what_is_too_deep_for_a_tree_is_not_json_within_the_opaque_field_either() {
        for name in ["a", "body"] {
            let nested =
                |levels: usize| format!(r#"{{"{name}":{}0{}}}"#, "[".repeat(levels), "]".repeat(levels));
            let (most, too_many) = (nested(usize::from(LEVELS) - 1), nested(usize::from(LEVELS)));
            assert!(value(&most).is_ok() && by_serde(&most).is_ok(), "{name}");
            assert_eq!(value(&too_many), by_serde(&too_many), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[\\[\\]{}\":,a1]{0,48}") {
            let _ = fields(&bytes, None);
            let _ = fields(text.as_bytes(), Some("a"));
        }

        #[test]
        fn what_a_tree_cannot_hold_is_not_json_within_the_opaque_field_either(
            text in r#"(\{"a":)?("(\\u(d[89a-f]|00)[0-9]{2}|\\n|x|\\\\|\xff)*"?|-?[0-9]{1,3}([.][0-9]{0,2})?(e[0-9]{0,3})?|\[1,?\]|nul+)\}?"#,
        ) {
            prop_assert_eq!(value(&text), by_serde(&text), "{}", text);
            let whole = format!(r#"{{"body":{text}}}"#);
            let inside = by_serde(&text).is_ok();
            prop_assert_eq!(inside, by_serde(&whole).is_ok(), "{}", text);
            prop_assert_eq!(body(&whole, 1), by_serde(&whole).map(|_| Some(text)));
        }
    }
}
