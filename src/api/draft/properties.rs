//! Any JSON gives a timer, a change, or a complete list of errors: a client that corrects the named fields, and nothing else, has a valid
//! request.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::tests::rules;
use super::{read, read_change};
use crate::api::json::Json;
use crate::api::problem::FieldError;
use rules::domain::time::Timestamp;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn json_of(value: &Value) -> Json {
    Json::read(value.to_string().into()).unwrap()
}

/// Reads the value as a creation, for its errors.
fn created(value: &Value) -> Result<(), Vec<FieldError>> {
    read(&json_of(value), &rules(), Uuid::nil(), None, NOW).map(|_| ())
}

/// Reads the value as a change, for its errors.
fn changed(value: &Value) -> Result<(), Vec<FieldError>> {
    read_change(&json_of(value), &rules(), NOW).map(|_| ())
}

/// JSON that looks like a creation often enough to reach every branch.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0_u64..400_000_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        prop::sample::select(vec![
            "http://localhost/",
            "1h",
            "GET",
            "DELETE",
            "2s",
            "90s",
            "at_least_once",
            "AAE=",
            "1/s",
            "5xx"
        ])
        .prop_map(Value::from),
    ];
    let name = prop_oneof![
        6 => prop::sample::select(vec![
            "hours", "minutes", "seconds", "delay", "at", "url", "method", "headers", "body", "body_text",
            "body_base64", "timeout", "delivery", "retry", "metadata", "max_attempts", "factor",
            "initial_backoff", "max_backoff", "x-a", "X-A", "deadline", "statuses", "callback", "on_delivered",
            "on_failed", "flow", "key", "rate", "parallelism",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
    ];
    leaf.prop_recursive(3, 48, 8, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            6 => prop::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Corrects the named fields and nothing else: removes them if they are optional, and gives needed fields a good value.
fn mended(value: &Value, errors: &[FieldError], needed: &[(&str, &str)]) -> Value {
    let Value::Object(object) = value else { return mended(&json!({}), &[], needed) };
    let mut object = object.clone();
    for error in errors {
        let names: Vec<String> =
            error.pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
        match names.as_slice() {
            [] => {}
            [name] => drop(object.remove(name)),
            // A field that must be there gets a good value.
            [outer, name] if outer == "flow" && matches!(name.as_str(), "key" | "rate" | "parallelism") => {
                let good = if name == "parallelism" { json!(1) } else { json!("1/s") };
                object
                    .get_mut(outer)
                    .and_then(Value::as_object_mut)
                    .map(|flow| flow.insert(name.clone(), good));
            }
            [outer, name] => {
                object.get_mut(outer).and_then(Value::as_object_mut).map(|inner| inner.remove(name));
            }
            deeper => panic!("{deeper:?} is deeper than any field"),
        }
    }
    let when = ["hours", "minutes", "seconds", "delay", "at"];
    for (name, good) in needed {
        let there = if *name == "delay" { &when[..] } else { &[*name][..] };
        if !there.iter().any(|name| object.contains_key(*name)) {
            object.insert((*name).to_owned(), (*good).into());
        }
    }
    if object.is_empty() {
        object.insert("timeout".to_owned(), "1s".into());
    }
    Value::Object(object)
}

/// The fields of a good creation, each with values that break it.
fn breakages() -> Vec<(&'static str, Vec<Value>)> {
    let text = |length| Value::from("x".repeat(length));
    vec![
        ("/delay", vec![json!("soon"), json!(5), json!("3651d"), Value::Null]),
        (
            "/url",
            vec![json!("ftp://x/"), json!("http://u:p@x/"), Value::Null, json!("/x"), json!("http://x:0/")],
        ),
        ("/method", vec![json!("BREW"), json!("post"), json!(1)]),
        ("/headers/x-a", vec![json!(1), json!("\u{e9}"), json!("a\nb"), Value::Null]),
        ("/headers/x-b", vec![json!([]), json!("\u{0}")]),
        ("/body_base64", vec![json!("%"), json!(1), json!("AAE")]),
        ("/timeout", vec![json!("99ms"), json!("601s"), json!(30), json!("")]),
        ("/delivery", vec![json!("exactly_once"), json!(1)]),
        ("/retry/max_attempts", vec![json!(0), json!(101), json!("3"), json!(1.5)]),
        ("/retry/initial_backoff", vec![json!("2d"), json!(1), json!("0s")]),
        ("/retry/max_backoff", vec![json!("2d"), json!(1), json!("x")]),
        ("/retry/factor", vec![json!(0.5), json!(11), json!("2")]),
        ("/retry/deadline", vec![json!("0s"), json!(1)]),
        ("/retry/statuses", vec![json!("5xx"), json!(["x"]), json!([true])]),
        ("/flow/key", vec![json!(1), json!("")]),
        ("/flow/rate", vec![json!("1/d"), json!(1)]),
        ("/flow/parallelism", vec![json!(0), json!("1")]),
        ("/on_delivered", vec![json!("x"), json!(1)]),
        ("/on_failed", vec![json!("ftp://x/"), json!([])]),
        ("/metadata/a", vec![json!(1), text(513), json!({})]),
        ("/metadata/b", vec![Value::Null, json!([])]),
        ("/colour", vec![json!("red"), Value::Null]),
        ("/cron", vec![json!("* * * * *")]),
    ]
}

/// Sets the value at a pointer; adds it if it is not there.
fn set(value: &mut Value, pointer: &str, new: Value) {
    let (outer, name) = pointer.rsplit_once('/').expect("a pointer");
    let object = value.pointer_mut(outer).and_then(Value::as_object_mut).expect("an object");
    object.insert(name.to_owned(), new);
}

fn good() -> Value {
    json!({
        "delay": "1h", "url": "https://example.com/", "method": "PUT", "headers": { "x-a": "1", "x-b": "2" },
        "body_base64": "AAE=", "timeout": "5s", "delivery": "at_least_once",
        "retry": { "max_attempts": 3, "initial_backoff": "1s", "max_backoff": "2s", "factor": 2, "deadline": "1h", "statuses": [429, "5xx"] },
        "flow": { "key": "k", "rate": "1/s", "parallelism": 1 }, "on_delivered": "http://a/", "on_failed": null,
        "metadata": { "a": "1", "b": "2" },
    })
}

/// Any of the breakages, at most one for each field.
fn broken() -> impl Strategy<Value = Map<String, Value>> {
    let each: Vec<_> = breakages()
        .into_iter()
        .map(|(pointer, values)| {
            prop::option::weighted(0.3, prop::sample::select(values))
                .prop_map(move |value| value.map(|value| (pointer.to_owned(), value)))
        })
        .collect();
    each.prop_map(|chosen| chosen.into_iter().flatten().collect())
}

proptest! {
    #[test]
    fn a_creation_is_valid_once_the_named_fields_are_repaired(json in any_json()) {
        if let Err(errors) = created(&json) {
            prop_assert!(!errors.is_empty());
            let mended = mended(&json, &errors, &[("delay", "1h"), ("url", "http://localhost/")]);
            prop_assert_eq!(created(&mended), Ok(()), "{} from {}", mended, json);
        }
    }

    #[test]
    fn a_change_is_valid_once_the_named_fields_are_repaired(json in any_json()) {
        if let Err(errors) = changed(&json) {
            prop_assert!(!errors.is_empty());
            let mended = mended(&json, &errors, &[]);
            prop_assert_eq!(changed(&mended), Ok(()), "{} from {}", mended, json);
        }
    }

    #[test]
    fn exactly_what_is_broken_is_named(broken in broken()) {
        prop_assert_eq!(created(&good()), Ok(()));
        let mut json = good();
        for (pointer, value) in &broken {
            set(&mut json, pointer, value.clone());
        }
        let expected: BTreeSet<String> = broken.keys().cloned().collect();
        for outcome in [created(&json), changed(&json)] {
            let errors = outcome.err().unwrap_or_default();
            let named: BTreeSet<String> = errors.into_iter().map(|error| error.pointer).collect();
            prop_assert_eq!(&named, &expected, "{}", json);
        }
    }
}
