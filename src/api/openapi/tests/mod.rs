//! Ties the document to the code: operations, problems, limits, and examples.

mod examples;
mod generators;
mod limits;
mod operations;
mod problems;

use serde_json::{Map, Value, json};

use super::DOCUMENT;
use crate::foundation::repeated;

fn document() -> Value {
    serde_json::from_str(DOCUMENT).expect("the document is JSON")
}

/// The value itself, or the value that it refers to.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let Some(reference) = value.get("$ref") else { return value };
    let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a local reference");
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object"))
}

/// Every operation: its path, its method in upper case, and its description in the document.
fn operations(document: &Value) -> Vec<(&str, String, &Value)> {
    let paths = object(&document["paths"]).iter();
    paths
        .flat_map(|(path, item)| {
            let methods = object(item).iter().filter(|(name, _)| *name != "parameters");
            methods.map(move |(method, operation)| (path.as_str(), method.to_ascii_uppercase(), operation))
        })
        .collect()
}

/// A validator for a schema of the document.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let root = json!({ "allOf": [schema], "components": document["components"] });
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
    options.should_validate_formats(true).build(&root).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

/// Calls `see` with every value in the document and the pointer to it.
fn walk(value: &Value, pointer: &str, see: &mut impl FnMut(&str, &Value)) {
    see(pointer, value);
    let below = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| walk(value, &below(name), see)),
        Value::Array(array) => {
            array.iter().enumerate().for_each(|(n, value)| walk(value, &below(&n.to_string()), see));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = document();
    let mut used = std::collections::BTreeSet::new();
    walk(&document, "", &mut |_, value| {
        if value.get("$ref").is_some() {
            resolved(&document, value);
            used.insert(value["$ref"].as_str().unwrap().to_owned());
        }
    });
    // These answers belong to no operation: no such path, no such method, no valid request.
    used.extend(
        ["not-found", "method-not-allowed", "malformed-request"]
            .map(|name| format!("#/components/responses/{name}")),
    );
    for kind in ["schemas", "parameters", "headers", "responses", "examples"] {
        for name in object(&document["components"][kind]).keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(used.contains(&reference), "nothing refers to {reference}");
        }
    }
}

/// serde_json keeps the last of two members with one name, so the other tests would not see the first.
#[test]
fn no_path_schema_or_other_member_is_there_twice() {
    assert_eq!(repeated::fields(DOCUMENT.as_bytes(), None), Vec::<String>::new());
}

#[test]
fn the_document_is_of_this_version() {
    let document = document();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"), "src/api/openapi/info.json");
}
