//! Reads an object that has an error or the fields of a value, in one pass.
//!
//! An answer of JetStream may have more than a megabyte, and only its text tells whether it is an error. `#[serde(flatten)]` would copy all
//! values before it reads them.

use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IntoDeserializer as _, MapAccess, Visitor};

/// Reads an object. Gives the value of the entry `name`, if there is one that is not null, and the object without that entry.
pub(super) fn refusable<'de, E, T, D>(json: D, name: &'static str) -> (Option<E>, Result<T, D::Error>)
where
    E: DeserializeOwned,
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let mut error = None;
    let rest = json.deserialize_map(Object { name, error: &mut error, rest: PhantomData });
    (error, rest)
}

struct Object<'a, E, T> {
    name: &'static str,
    error: &'a mut Option<E>,
    rest: PhantomData<T>,
}

impl<'de, E: DeserializeOwned, T: DeserializeOwned> Visitor<'de> for Object<'_, E, T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, entries: M) -> Result<T, M::Error> {
        T::deserialize(MapAccessDeserializer::new(Others { name: self.name, error: self.error, entries }))
    }
}

/// The entries of an object without the one of this name.
struct Others<'a, E, M> {
    name: &'static str,
    error: &'a mut Option<E>,
    entries: M,
}

impl<'de, E: DeserializeOwned, M: MapAccess<'de>> MapAccess<'de> for Others<'_, E, M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, M::Error> {
        while let Some(key) = self.entries.next_key::<String>()? {
            if key != self.name {
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            *self.error = self.entries.next_value()?;
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, M::Error> {
        self.entries.next_value_seed(seed)
    }
}
