//! The document has the operations that the code has, with their scopes and the answers that they share.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{document, object, operations, resolved};
use crate::api::operation::{OPERATIONS, Operation};

#[test]
fn each_operation_is_described_with_the_scope_that_it_needs() {
    let document = document();
    let described: BTreeMap<(String, String), Value> = operations(&document)
        .into_iter()
        .map(|(path, method, operation)| ((path.to_owned(), method), operation["security"].clone()))
        .collect();
    let done: BTreeMap<(String, String), Value> = OPERATIONS
        .iter()
        .map(|Operation { method, path, scope, .. }| {
            let scopes: Vec<Value> = scope.iter().map(|scope| json!({ "token": [scope.name()] })).collect();
            (((*path).to_owned(), method.to_string()), Value::Array(scopes))
        })
        .collect();
    assert_eq!(described, done, "paths.json has other operations or scopes than operation.rs");
}

#[test]
fn each_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let document = document();
    let mut names = BTreeSet::new();
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for (path, method, operation) in operations(&document) {
        let name = operation["operationId"].as_str().expect("an operationId");
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        assert!(tags.contains(operation["tags"][0].as_str().unwrap()), "{method} {path}");
        for field in ["summary", "description"] {
            assert!(
                operation[field].as_str().is_some_and(|text| !text.is_empty()),
                "{method} {path}: {field}"
            );
        }
        let varies = path.contains('{');
        let has_id = document["paths"][path]["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .any(|parameter| resolved(&document, parameter)["in"] == "path");
        assert_eq!(varies, has_id, "{path}");
    }
}

/// The answers that `gate` itself gives, whatever the operation.
#[test]
fn each_operation_has_the_answers_that_all_have() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let responses = object(&operation["responses"]);
        let public = operation["security"] == json!([]);
        let gate: &[&str] =
            if public { &["414", "431", "500"] } else { &["401", "403", "414", "429", "431", "500"] };
        for status in gate {
            assert!(responses.contains_key(*status), "{method} {path} has no {status}");
        }
        let has_body = operation.get("requestBody").is_some();
        for status in ["408", "413", "415"] {
            assert_eq!(responses.contains_key(status), has_body, "{method} {path}: {status}");
        }
        for (status, response) in responses {
            let headers = object(&resolved(&document, response)["headers"]);
            assert!(headers.contains_key("x-request-id"), "{method} {path}: {status}");
            // An unknown client has no rate, and a head over the limits is refused before the rate is counted.
            let rated = !public && !["401", "414", "431"].contains(&status.as_str());
            assert_eq!(headers.contains_key("ratelimit"), rated, "{method} {path}: {status}");
            assert_eq!(headers.contains_key("ratelimit-policy"), rated, "{method} {path}: {status}");
        }
    }
}
