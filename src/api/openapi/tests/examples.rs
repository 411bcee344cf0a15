//! Every example is valid by its schema, and the examples of creations and changes make timers.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::{document, resolved, validator, walk};
use crate::api::draft::{Rules, read, read_change};
use crate::api::json::Json;
use rules::domain::retry::RetryPolicy;
use rules::domain::time::Timestamp;
use rules::policy::Policy;

/// 2026-12-01: before any instant in an example of a creation.
const NOW: Timestamp = Timestamp::from_micros(1_796_083_200_000_000);

fn rules() -> Rules {
    let targets = Policy::new(vec![], vec![], false).unwrap().into();
    Rules { max_delay: Duration::from_secs(3_650 * 86_400), retry: RetryPolicy::default(), targets }
}

/// The examples of a schema, of a media type, a parameter or a header.
fn examples<'d>(document: &'d Value, value: &'d Value) -> Vec<(&'d Value, &'d Value)> {
    let mut found = vec![];
    if let Some(list) = value.get("examples").and_then(Value::as_array) {
        found.extend(list.iter().map(|example| (value, example)));
    }
    if let Some(schema) = value.get("schema") {
        found.extend(value.get("example").map(|example| (schema, example)));
        let named = value.get("examples").and_then(Value::as_object);
        let named = named.into_iter().flat_map(|named| named.values());
        found.extend(named.map(|example| (schema, &resolved(document, example)["value"])));
    }
    found
}

#[test]
fn every_example_is_as_its_schema_says() {
    let document = document();
    let mut count = 0;
    walk(&document, "", &mut |pointer, value| {
        for (schema, example) in examples(&document, value) {
            let validator = validator(&document, schema);
            let errors: Vec<String> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{pointer}: {example}: {errors:?}");
            count += 1;
        }
    });
    assert!(count > 100, "only {count} examples were found");
}

#[test]
fn every_default_is_as_its_schema_says() {
    let document = document();
    walk(&document, "", &mut |pointer, value| {
        if let Some(default) = value.get("default").filter(|default| !default.is_object()) {
            assert!(validator(&document, value).is_valid(default), "{pointer}: {default}");
        }
    });
}

#[test]
fn every_example_of_a_creation_makes_a_timer() {
    let document = document();
    let of = |pointer: &str| -> Vec<Value> {
        let named = document.pointer(pointer).and_then(Value::as_object).expect("examples");
        named.values().map(|example| example["value"].clone()).collect()
    };
    let json = |value: &Value| Json::read(value.to_string().into()).unwrap();
    let mut creations = of("/paths/~1timer/post/requestBody/content/application~1json/examples");
    for media_type in ["application~1json", "application~1x-ndjson"] {
        let lists = of(&format!("/paths/~1timers/post/requestBody/content/{media_type}/examples"));
        creations.extend(lists.iter().flat_map(|list| list.as_array().unwrap().clone()));
    }
    let schemas = &document["components"]["schemas"];
    creations.extend(schemas["TimerCreation"]["examples"].as_array().unwrap().clone());
    for creation in &creations {
        assert!(read(&json(creation), &rules(), Uuid::nil(), None, NOW).is_ok(), "{creation}");
    }
    let mut changes = of("/paths/~1timer~1{id}/patch/requestBody/content/application~1json/examples");
    changes.extend(schemas["TimerChange"]["examples"].as_array().unwrap().clone());
    for change in &changes {
        assert!(read_change(&json(change), &rules(), NOW).is_ok(), "{change}");
    }
    assert!(creations.len() > 5 && changes.len() > 2);
}
