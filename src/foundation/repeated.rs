//! A look at a JSON text before it is used: whether it is JSON, how many values it has, and which fields occur more than once.
//! RFC 8259 (4) leaves open what a text with such fields means; serde_json takes the last one and says nothing.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// How many fields are named: a pointer may be nearly as long as the text, so all of them could fill the memory.
const MOST: usize = 100;

/// The result of a look at a text.
#[derive(Debug)]
pub struct Look {
    /// The JSON pointers (RFC 6901) of the first fields that an object has more than once, at every depth.
    pub repeated: Vec<String>,
    /// Whether it has more values than were allowed. In that case, the look ended at that point.
    pub has_too_many: bool,
}

/// Looks at a text. The field `opaque` of the text's own object has to be JSON, and may contain anything. Outside of it, the text
/// may have `most` values, counting objects and arrays.
///
/// # Errors
///
/// If the text is not JSON, or not such as a [`serde_json::Value`] can hold.
pub fn look(json: &[u8], opaque: Option<&str>, most: usize) -> Result<Look, serde_json::Error> {
    let (mut found, mut left) = (vec![], Some(most));
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let walk = Walk { at: &Place::Top, opaque, found: &mut found, left: &mut left };
    let walked = walk.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match walked {
        Err(_) if left.is_none() => Ok(Look { repeated: found, has_too_many: true }),
        walked => walked.map(|()| Look { repeated: found, has_too_many: false }),
    }
}

/// The first fields that an object of the text has more than once, at every depth except within `opaque`. Empty if the text is not
/// JSON, which its readers find out by themselves.
pub fn fields(json: &[u8], opaque: Option<&str>) -> Vec<String> {
    look(json, opaque, usize::MAX).map(|look| look.repeated).unwrap_or_default()
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

struct Walk<'w> {
    at: &'w Place<'w>,
    /// A field of this object whose value may be anything.
    opaque: Option<&'w str>,
    found: &'w mut Vec<String>,
    /// How many more values are allowed; `None` once there was one too many.
    left: &'w mut Option<usize>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        *self.left = self.left.and_then(|left| left.checked_sub(1));
        if self.left.is_none() {
            return Err(D::Error::custom("there are too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let place = Place::Field(self.at, &name);
            if self.opaque == Some(name.as_str()) {
                map.next_value_seed(Anything)?;
            } else {
                let (found, left) = (&mut *self.found, &mut *self.left);
                map.next_value_seed(Walk { at: &place, opaque: None, found, left })?;
            }
            let count = times.get(&name).copied().unwrap_or_default() + 1;
            if count == 2 && self.found.len() < MOST {
                self.found.push(place.to_string());
            }
            times.insert(name, count);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut number = 0;
        loop {
            let place = Place::Item(self.at, number);
            let walk = Walk { at: &place, opaque: None, found: &mut *self.found, left: &mut *self.left };
            if items.next_element_seed(walk)?.is_none() {
                return Ok(());
            }
            number += 1;
        }
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

/// Any JSON that serde_json can read. Unlike an ignored value, its texts and numbers are read.
struct Anything;

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
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(Self)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Self)?.is_some() {}
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

    use super::*;

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
            let look = |most| look(json.as_bytes(), Some("body"), most).unwrap().has_too_many;
            assert_eq!((look(values - 1), look(values)), (true, false), "{json}");
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
            let tree = serde_json::from_str::<serde_json::Value>(&text);
            let outside = look(text.as_bytes(), None, usize::MAX);
            prop_assert_eq!(outside.is_ok(), tree.is_ok(), "{}", text);
            let inside = look(format!(r#"{{"body":{text}}}"#).as_bytes(), Some("body"), 1);
            prop_assert_eq!(inside.is_ok_and(|look| !look.has_too_many), tree.is_ok(), "{}", text);
        }
    }
}
