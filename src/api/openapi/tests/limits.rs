//! Fields, limits and lists of words are the same in the document and in the code.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{document, object, operations, resolved};
use crate::api::draft::{Rules, read, read_change};
use crate::api::json::Json;
use crate::api::{bulk_apply, head, items, list, problem, receivers};
use rules::domain::flow::{MAX_FLOW_KEY_CHARS, MAX_PARALLELISM};
use rules::domain::retry::{MAX_ATTEMPTS, MAX_FACTOR, RetryPolicy};
use rules::domain::state_kind::StateKind;
use rules::domain::target::{MAX_HEADERS, MAX_URL_BYTES, Method, is_reserved_header};
use rules::domain::time::Timestamp;
use rules::domain::timer::{
    MAX_ATTEMPTS_KEPT, MAX_METADATA, MAX_METADATA_KEY_CHARS, MAX_METADATA_VALUE_CHARS,
};
use rules::index::Sort;
use rules::policy::Policy;

/// The farthest horizon that a node can have (`--max-delay`), in seconds: 100 years.
const FARTHEST: u64 = 100 * 365 * 86_400;

#[test]
fn limits_are_those_of_the_code() {
    let document = document();
    let components = &document["components"];
    for (pointer, limit) in [
        ("/schemas/Hours/maximum", json!(FARTHEST / 3_600)),
        ("/schemas/Minutes/maximum", json!(FARTHEST / 60)),
        ("/schemas/Seconds/maximum", json!(FARTHEST)),
        ("/schemas/Url/maxLength", json!(MAX_URL_BYTES)),
        ("/schemas/Headers/maxProperties", json!(MAX_HEADERS)),
        ("/schemas/Metadata/maxProperties", json!(MAX_METADATA)),
        ("/schemas/Metadata/propertyNames/maxLength", json!(MAX_METADATA_KEY_CHARS)),
        ("/schemas/Metadata/additionalProperties/maxLength", json!(MAX_METADATA_VALUE_CHARS)),
        ("/schemas/Flow/properties/key/maxLength", json!(MAX_FLOW_KEY_CHARS)),
        ("/schemas/Flow/properties/parallelism/maximum", json!(MAX_PARALLELISM)),
        ("/schemas/ReceiverPage/properties/receivers/maxItems", json!(receivers::MAX_LIMIT)),
        ("/schemas/Retry/properties/max_attempts/maximum", json!(MAX_ATTEMPTS)),
        ("/schemas/RetryInForce/properties/max_attempts/maximum", json!(MAX_ATTEMPTS)),
        ("/schemas/Timer/allOf/1/properties/attempt_log/maxItems", json!(MAX_ATTEMPTS_KEPT)),
        (
            "/schemas/LoggedAttempt/allOf/1/properties/answer/properties/bytes/maximum",
            json!(rules::domain::called::MAX_ANSWER_BYTES),
        ),
        ("/schemas/TimerPage/properties/timers/maxItems", json!(list::MAX_LIMIT)),
        ("/schemas/BulkResult/properties/results/maxItems", json!(items::MAX_TIMERS)),
        ("/schemas/BulkCancellation/properties/matched/maximum", json!(bulk_apply::MAX_MATCHED)),
        ("/schemas/BulkReplay/properties/matched/maximum", json!(bulk_apply::MAX_MATCHED)),
        ("/schemas/History/properties/minutes/maxItems", json!(rules::history::MINUTES)),
        ("/schemas/InboxPage/properties/webhooks/maxItems", json!(crate::api::inbox::received::MAX_KEPT)),
        ("/schemas/ProblemFields/properties/errors/maxItems", json!(problem::MAX_ERRORS)),
        ("/parameters/limit/schema/maximum", json!(list::MAX_LIMIT)),
        ("/parameters/limit/schema/default", json!(list::DEFAULT_LIMIT)),
        ("/headers/request-id/schema/maxLength", json!(head::MAX_REQUEST_ID_BYTES)),
    ] {
        assert_eq!(components.pointer(pointer), Some(&limit), "{pointer}");
    }
    for schema in ["Retry", "RetryInForce"] {
        let most = components["schemas"][schema]["properties"]["factor"]["maximum"].as_f64();
        assert_eq!(most, Some(MAX_FACTOR), "{schema}");
    }
    for media_type in ["application/json", "application/x-ndjson"] {
        let body = &document["paths"]["/timers"]["post"]["requestBody"]["content"][media_type];
        assert_eq!(body["schema"]["maxItems"], items::MAX_TIMERS, "{media_type}");
    }
}

#[test]
fn words_are_those_of_the_code() {
    let document = document();
    let components = &document["components"];
    for (pointer, words) in [
        ("/schemas/State/enum", StateKind::ALL.map(StateKind::name).to_vec()),
        ("/schemas/Method/enum", Method::ALL.map(Method::as_str).to_vec()),
        ("/parameters/sort/schema/enum", Sort::ALL.map(Sort::name).to_vec()),
    ] {
        assert_eq!(components.pointer(pointer), Some(&json!(words)), "{pointer}");
    }
    let counts = object(&components["schemas"]["Counts"]["properties"]);
    assert!(StateKind::ALL.iter().all(|state| counts.contains_key(state.name())));
    let events =
        &document["paths"]["/timers/events"]["get"]["responses"]["200"]["content"]["text/event-stream"];
    let events = object(&events["x-events"]);
    // The state `scheduled` has no event of its own, since its timers are created or changed.
    let have_events = |state: &StateKind| *state != StateKind::Scheduled;
    assert!(StateKind::ALL.into_iter().filter(have_events).all(|state| events.contains_key(state.name())));
    let refused = components["schemas"]["Headers"]["propertyNames"]["not"]["anyOf"][0]["enum"].as_array();
    for name in refused.unwrap().iter().filter_map(Value::as_str).filter(|name| *name != "idempotency-key") {
        assert!(is_reserved_header(name), "{name}");
    }
}

/// The fields that an error about an unknown field names as known.
fn known(detail: &str) -> BTreeSet<&str> {
    detail.split_once("the fields are ").expect("the known fields").1.split(", ").collect()
}

#[test]
fn fields_of_creations_and_changes_are_those_that_are_read() {
    let targets = Policy::new(vec![], vec![], false).unwrap().into();
    let rules = Rules { max_delay: Duration::from_secs(1), retry: RetryPolicy::default(), targets };
    let now = Timestamp::from_micros(0);
    let json = |value: Value| Json::read(value.to_string().into()).unwrap();
    let odd = || json(json!({ "odd": 1, "retry": { "odd": 1 }, "flow": { "odd": 1 } }));
    let creation = read(&odd(), &rules, uuid::Uuid::nil(), None, now).unwrap_err();
    let change = read_change(&odd(), &rules, now).unwrap_err();
    let document = document();
    let schemas = &document["components"]["schemas"];
    for (errors, pointer, schema) in [
        (&creation, "/odd", "TimerCreation"),
        (&change, "/odd", "TimerChange"),
        (&creation, "/retry/odd", "Retry"),
        (&creation, "/flow/odd", "Flow"),
    ] {
        let error = errors.iter().find(|error| error.pointer == pointer).expect("a refusal");
        let properties = object(&schemas[schema]["properties"]).keys();
        assert_eq!(properties.map(String::as_str).collect::<BTreeSet<_>>(), known(&error.detail), "{schema}");
    }
    let names =
        |schema: &str| object(&schemas[schema]["properties"]).keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names("RetryInForce"), names("Retry"));
}

#[test]
fn every_path_says_that_a_request_id_is_taken_over() {
    let document = document();
    for (path, _, _) in operations(&document) {
        let parameters = document["paths"][path]["parameters"].as_array().unwrap();
        let names: Vec<&Value> =
            parameters.iter().map(|parameter| &resolved(&document, parameter)["name"]).collect();
        assert!(names.contains(&&json!("x-request-id")), "{path}");
    }
}
