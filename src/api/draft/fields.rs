//! Takes a JSON object apart, and collects its errors on the way.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::api::json::Json;
use crate::api::problem::FieldError;
pub(super) use crate::foundation::repeated::escaped;

/// The fields of an object. Each known field is taken once; the others are unknown.
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

    /// The fields of an inner object, at the pointer `prefix`.
    pub(super) fn within(object: &'json Map<String, Value>, prefix: String) -> Self {
        Self { object, prefix, taken: BTreeSet::new(), errors: vec![] }
    }

    /// Takes a field; gives its value, if the field is there.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'json Value> {
        self.taken.insert(name);
        self.object.get(name)
    }

    /// Whether any of these fields is there. From now on they are known fields.
    pub(super) fn names(&mut self, names: &[&'static str]) -> bool {
        self.taken.extend(names);
        names.iter().any(|name| self.object.contains_key(*name))
    }

    /// Takes a field; gives its text, if the field is there and is a string.
    pub(super) fn take_text(&mut self, name: &'static str, allowed: &str) -> Option<&'json str> {
        let value = self.take(name)?;
        if value.as_str().is_none() {
            self.wrong(name, format!("must be a string: {allowed}"));
        }
        value.as_str()
    }

    /// Notes an error of a field.
    pub(super) fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = format!("{}/{}", self.prefix, escaped(name));
        self.errors.push(FieldError { pointer, detail: detail.into() });
    }

    /// Notes an error of the object itself.
    pub(super) fn wrong_whole(&mut self, detail: impl Into<String>) {
        self.errors.push(FieldError { pointer: self.prefix.clone(), detail: detail.into() });
    }

    /// Adds the errors of an inner object.
    pub(super) fn extend(&mut self, errors: Vec<FieldError>) {
        self.errors.extend(errors);
    }

    /// All errors, unknown fields included.
    pub(super) fn finish(mut self) -> Vec<FieldError> {
        for name in self.object.keys() {
            if !self.taken.contains(name.as_str()) {
                let detail = match name.as_str() {
                    "every" | "cron" | "timezone" => "recurring timers are not supported".to_owned(),
                    _ => format!("is not a field here; the fields are {}", self.known()),
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

/// Reads a whole number, 0 or more. A number with a point or an exponent is also whole if its fraction is zero, as in JSON Schema: many
/// languages have one type of number, and write it as they like. A number too large for 64 bits becomes the largest one.
pub(super) fn whole(value: &Value) -> Option<u64> {
    let float = || value.as_f64().filter(|float| *float >= 0.0 && float.fract() == 0.0);
    value.as_u64().or_else(|| float().map(|float| float as u64))
}

/// The errors of fields that occur more than once, wherever jettimer itself reads. The timer's own JSON body is passed on as it was
/// written, and its receiver decides about its meaning.
pub(super) fn repeated(json: &Json) -> Vec<FieldError> {
    let detail = "is given more than once; give it once";
    let pointers = json.repeated.iter().cloned();
    pointers.map(|pointer| FieldError { pointer, detail: detail.to_owned() }).collect()
}
