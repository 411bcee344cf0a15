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
mod tests;
