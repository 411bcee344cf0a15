//! Every answer that a test gets through its client is compared with the OpenAPI document: its status, its headers, its type, its
//! body, and which problem it is. A field that is not in the document is an error, although clients are told to ignore such fields.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use jsonschema::{Draft, Validator};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);

/// The document, and the validators compiled from its schemas.
struct Contract {
    document: Value,
    validators: Mutex<HashMap<String, &'static Validator>>,
}

/// Compares an answer with the OpenAPI document.
///
/// # Errors
///
/// The difference from the document.
pub(crate) fn check(
    method: &Method,
    path: &str,
    status: u16,
    headers: &HeaderMap,
    body: &str,
) -> Result<(), String> {
    if *method == Method::OPTIONS && headers.contains_key("access-control-allow-methods") {
        // A preflight is not an operation of the API: browsers send it by themselves.
        return Ok(());
    }
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let problem = json["type"].as_str().and_then(|name| name.strip_prefix("urn:jettimer:problem:"));
    let response = CONTRACT.response(method, path, status, problem)?;
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let header = CONTRACT.resolved(header);
        match headers.get(name).map(|value| value.to_str().unwrap_or("?")) {
            Some(value) => CONTRACT.validate(&header["schema"], &json!(value), name)?,
            None if header["required"] == true => return Err(format!("{name} is missing")),
            None => {}
        }
    }
    if response.get("content").is_none() && body.is_empty() {
        return Ok(());
    }
    let media_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default();
    let content =
        response["content"].get(media_type).ok_or_else(|| format!("{media_type} is not a type of it"))?;
    if let Some(problem) = problem
        && !content["examples"].as_object().is_some_and(|kinds| kinds.contains_key(problem))
    {
        return Err(format!("{problem} is not a problem of it"));
    }
    if *method == Method::HEAD {
        return Ok(());
    }
    let value = if media_type.ends_with("json") { json } else { body.into() };
    CONTRACT.validate(&content["schema"], &value, "the body")
}

/// Compares the data of an event with the OpenAPI document.
///
/// # Errors
///
/// The difference from the document.
pub(crate) fn check_event(name: &str, data: &Value) -> Result<(), String> {
    let follow = &CONTRACT.document["paths"]["/timers/events"]["get"];
    let events = &follow["responses"]["200"]["content"]["text/event-stream"]["x-events"];
    let schema = events.get(name).ok_or_else(|| format!("{name} is no event"))?;
    CONTRACT.validate(schema, data, "the data")
}

impl Contract {
    fn read() -> Self {
        let mut document: Value = serde_json::from_str(jettimer::api::DOCUMENT).expect("JSON");
        let schemas = document["components"]["schemas"].as_object_mut().expect("schemas");
        // A schema that is part of other schemas has to allow other fields.
        for (_, schema) in schemas.iter_mut().filter(|(name, _)| !name.ends_with("Fields")) {
            let schema: &mut Map<String, Value> = schema.as_object_mut().expect("a schema");
            if schema.contains_key("properties") || schema.contains_key("allOf") {
                schema.insert("unevaluatedProperties".to_owned(), false.into());
            }
        }
        Self { document, validators: Mutex::default() }
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else { return value };
        self.document.pointer(reference.trim_start_matches('#')).expect("what is referred to")
    }

    fn response(
        &self,
        method: &Method,
        path: &str,
        status: u16,
        problem: Option<&str>,
    ) -> Result<&Value, String> {
        // These problems say that there is no such operation.
        if let Some(name @ ("not-found" | "method-not-allowed")) = problem {
            return Ok(&self.document["components"]["responses"][name]);
        }
        let path = path.split('?').next().unwrap_or_default();
        let paths = self.document["paths"].as_object().expect("paths");
        let item = paths.iter().find(|(template, _)| fits(template, path)).map(|(_, item)| item);
        let item = item.ok_or_else(|| format!("{path} is not in it"))?;
        let name =
            if *method == Method::HEAD { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
        let operation = item.get(name).ok_or_else(|| format!("{path} takes no {method}"))?;
        let response = operation["responses"].get(status.to_string());
        Ok(self.resolved(response.ok_or_else(|| format!("{method} {path} has no {status}"))?))
    }

    fn validate(&self, schema: &Value, value: &Value, what: &str) -> Result<(), String> {
        let mut validators = self.validators.lock().expect("no test fails in here");
        let validator = *validators.entry(schema.to_string()).or_insert_with(|| {
            let root = json!({ "allOf": [schema], "components": self.document["components"] });
            let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
            // This leak is bounded: the document has a fixed number of schemas, and the validators are used until the tests end.
            Box::leak(Box::new(options.build(&root).expect("a schema")))
        });
        drop(validators);
        let errors: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        if errors.is_empty() { Ok(()) } else { Err(format!("{what}: {}", errors.join("; "))) }
    }
}

/// Whether the path matches the template, which has a name in braces for each part that varies.
fn fits(template: &str, path: &str) -> bool {
    let (parts, template) = (path.split('/'), template.split('/'));
    parts.clone().count() == template.clone().count()
        && parts.zip(template).all(|(part, wanted)| part == wanted || wanted.starts_with('{'))
}
