//! The document has the kinds of problems that the code has, each with an example, at its status.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{document, object, operations, resolved};
use crate::api::problem::Kind;

fn kind(name: &str) -> Kind {
    *Kind::ALL.iter().find(|kind| kind.name() == name).unwrap_or_else(|| panic!("there is no problem {name}"))
}

#[test]
fn each_kind_has_an_example_and_each_example_is_of_a_kind() {
    let document = document();
    let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let examples = object(&document["components"]["examples"]);
    assert_eq!(examples.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
    for (name, example) in examples {
        let (kind, value) = (kind(name), &example["value"]);
        assert_eq!(value["type"], format!("urn:jettimer:problem:{name}"));
        assert_eq!(value["status"], kind.status().as_u16(), "{name}");
        assert_eq!((&value["title"], &example["summary"]), (&kind.title().into(), &kind.title().into()));
    }
    let types: BTreeSet<&str> = document["components"]["schemas"]["ProblemType"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().strip_prefix("urn:jettimer:problem:").unwrap())
        .collect();
    assert_eq!(types, names, "ProblemType in schemas.json");
}

#[test]
fn each_problem_is_answered_with_its_status_and_headers() {
    let document = document();
    let mut seen = BTreeSet::new();
    let mut answers: Vec<(String, &str, &Value)> = vec![];
    for (path, method, operation) in operations(&document) {
        for (status, response) in object(&operation["responses"]) {
            answers.push((format!("{method} {path}"), status, resolved(&document, response)));
        }
    }
    for (name, status) in [("malformed-request", "400"), ("not-found", "404"), ("method-not-allowed", "405")]
    {
        answers.push((name.to_owned(), status, &document["components"]["responses"][name]));
    }
    for (place, status, response) in answers {
        let Some(content) = response["content"].get("application/problem+json") else { continue };
        let headers = object(&response["headers"]);
        let mut retried = vec![];
        for name in object(&content["examples"]).keys() {
            let kind = kind(name);
            assert_eq!(kind.status().as_str(), status, "{name} at {place}");
            seen.insert(kind.name());
            retried.push(kind != Kind::IndexOff);
        }
        let number: u16 = status.parse().unwrap();
        assert_eq!(headers.contains_key("www-authenticate"), matches!(number, 401 | 403), "{place} {status}");
        assert_eq!(headers.contains_key("allow"), number == 405, "{place} {status}");
        assert_eq!(headers.contains_key("retry-after"), matches!(number, 429 | 503), "{place} {status}");
        if headers.contains_key("retry-after") {
            let required = resolved(&document, &headers["retry-after"])["required"] == true;
            assert_eq!(required, retried.iter().all(|retried| *retried), "Retry-After at {place} {status}");
        }
    }
    assert_eq!(seen.len(), Kind::ALL.len(), "a kind of problem is answered by no operation: {seen:?}");
}
