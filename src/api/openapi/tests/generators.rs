//! The document has no shape that client generators are known to mishandle. `scripts/generated-clients` makes such clients and runs them;
//! these tests name the schema at once.

use serde_json::Value;

use super::{document, object, resolved, walk};

/// The schemas that clients send.
const REQUESTS: [&str; 4] = ["TimerCreation", "TimerChange", "Retry", "Flow"];

/// A client sends a default, and so a change would reset fields that it does not name.
#[test]
fn no_field_of_a_request_has_a_default() {
    let document = document();
    for name in REQUESTS {
        for (field, schema) in object(&document["components"]["schemas"][name]["properties"]) {
            let branches = ["allOf", "anyOf"].iter().filter_map(|word| schema[*word].as_array()).flatten();
            for part in branches.chain([schema]) {
                let part = resolved(&document, part);
                assert!(part.get("default").is_none(), "{name}.{field}: {part}");
            }
        }
    }
}

/// A client in Java sends an empty map or list for a field that was not set, unless the field may be null.
#[test]
fn a_map_or_list_that_a_client_may_leave_out_may_be_null() {
    let document = document();
    for name in REQUESTS {
        let schema = &document["components"]["schemas"][name];
        for (field, schema) in object(&schema["properties"]) {
            let parts: Vec<&Value> = match schema["anyOf"].as_array() {
                Some(parts) => parts.iter().map(|part| resolved(&document, part)).collect(),
                None => vec![resolved(&document, schema)],
            };
            let is = |name: &str| {
                let has = |part: &&Value| {
                    part["type"] == name
                        || part["type"].as_array().is_some_and(|types| types.contains(&name.into()))
                };
                parts.iter().any(has)
            };
            let is_map = parts.iter().any(|part| part["additionalProperties"].is_object());
            assert!(!(is_map || is("array")) || is("null"), "{name}.{field}");
        }
    }
}

/// Generators make a type of its own of each branch, and an untyped value of a branch that only says what is required.
#[test]
fn no_schema_is_one_of_others_that_only_say_what_is_required() {
    let document = document();
    for (name, schema) in object(&document["components"]["schemas"]) {
        for word in ["oneOf", "anyOf", "allOf", "not"] {
            let branches = schema
                .get(word)
                .into_iter()
                .flat_map(|value| value.as_array().cloned().unwrap_or(vec![value.clone()]));
            for branch in branches {
                let says = ["$ref", "properties", "type"].iter().any(|word| branch.get(word).is_some());
                assert!(says, "{name}.{word}: put rules between fields into `if`, with `else: false`");
            }
        }
        // One generator takes the only part for the whole, and ignores the fields next to it.
        let alone = schema["allOf"].as_array().is_some_and(|parts| parts.len() == 1);
        assert!(
            !(alone && schema.get("properties").is_some()),
            "{name}: put the fields into a second part of `allOf`"
        );
    }
}

#[test]
fn whole_numbers_beyond_32_bits_and_webhooks_say_what_they_are() {
    let document = document();
    walk(&document, "", &mut |pointer, value| {
        if value["type"] == "integer"
            && value["maximum"].as_i64().is_some_and(|most| most > i64::from(i32::MAX))
        {
            assert_eq!(value["format"], "int64", "{pointer}");
        }
    });
    for (name, webhook) in object(&document["webhooks"]) {
        // A webhook is not an operation of a client, and the operation that a generator makes of it does not compile.
        assert_eq!(webhook["post"]["x-internal"], true, "{name}");
    }
}
