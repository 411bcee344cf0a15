//! Taking a JSON object apart, and collecting what is wrong with it on the way.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::api::json::Json;
use crate::api::problem::FieldError;
pub(super) use crate::repeated::escaped;

/// The fields of an object, of which each is taken once; what is left over is unknown.
pub(super) struct Fields<'json> {
    object: &'json Map<String, Value>,
    prefix: String,
    taken: BTreeSet<&'static str>,
    errors: Vec<FieldError>,
}

impl<'json> Fields<'json> {
    /// The fields of a request's body.
    pub(super) fn new(object: &'json Map<String, Value>) -> Self {
        Self::within(object, String::new())
    }

    /// The fields of an object inside, at the pointer `prefix`.
    pub(super) fn within(object: &'json Map<String, Value>, prefix: String) -> Self {
        Self { object, prefix, taken: BTreeSet::new(), errors: vec![] }
    }

    /// The field's value, if it is there.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'json Value> {
        self.taken.insert(name);
        self.object.get(name)
    }

    /// Whether any of these fields is there; from now on they are known ones.
    pub(super) fn names(&mut self, names: &[&'static str]) -> bool {
        self.taken.extend(names);
        names.iter().any(|name| self.object.contains_key(*name))
    }

    /// The field's text, if it is there and is one.
    pub(super) fn take_text(&mut self, name: &'static str, allowed: &str) -> Option<&'json str> {
        let value = self.take(name)?;
        if value.as_str().is_none() {
            self.wrong(name, format!("must be a string: {allowed}"));
        }
        value.as_str()
    }

    /// Notes what is wrong with a field.
    pub(super) fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = format!("{}/{}", self.prefix, escaped(name));
        self.errors.push(FieldError { pointer, detail: detail.into() });
    }

    /// Notes what is wrong with the object itself.
    pub(super) fn wrong_whole(&mut self, detail: impl Into<String>) {
        self.errors.push(FieldError { pointer: self.prefix.clone(), detail: detail.into() });
    }

    /// Takes over what is wrong inside.
    pub(super) fn extend(&mut self, errors: Vec<FieldError>) {
        self.errors.extend(errors);
    }

    /// All that is wrong, unknown fields included.
    pub(super) fn finish(mut self) -> Vec<FieldError> {
        for name in self.object.keys() {
            if !self.taken.contains(name.as_str()) {
                let detail = match name.as_str() {
                    "every" | "cron" | "timezone" => "recurring timers are not supported".to_owned(),
                    _ => format!("is not a field here; known are {}", self.known()),
                };
                let pointer = format!("{}/{}", self.prefix, escaped(name));
                self.errors.push(FieldError { pointer, detail });
            }
        }
        self.errors
    }

    fn known(&self) -> String {
        self.taken.iter().copied().collect::<Vec<_>>().join(", ")
    }
}

/// A whole number, 0 or more. One that is written with a point or an exponent is whole too if its fraction is
/// nothing, as JSON Schema has it: many languages have one type of number, and write it as they like. One
/// that is too large for 64 bits is the largest.
pub(super) fn whole(value: &Value) -> Option<u64> {
    let float = || value.as_f64().filter(|float| *float >= 0.0 && float.fract() == 0.0);
    value.as_u64().or_else(|| float().map(|float| float as u64))
}

/// What is wrong with fields that are there more than once, wherever jettimer itself reads: the timer's own JSON body is
/// handed on as it was written, and its receiver decides about its meaning.
pub(super) fn repeated(json: &Json) -> Vec<FieldError> {
    let detail = "is there more than once; only one of them can be meant";
    let pointers = json.repeated.iter().cloned();
    pointers.map(|pointer| FieldError { pointer, detail: detail.to_owned() }).collect()
}
