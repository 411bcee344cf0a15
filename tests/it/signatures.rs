//! The reference library of another language accepts jettimer's signatures, and no others.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::sink::Hit;
use crate::support::{Broker, Node, Sink, python, token};

const FIRST: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECOND: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Reads `[[secret, body, headers], …]` and prints for each entry whether the library accepts it.
const VERIFY: &str = "
import json, sys
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError
verdicts = []
for secret, body, headers in json.load(sys.stdin):
    try:
        Webhook(secret).verify(body.encode(), headers, json_parse=False)
        verdicts.append(True)
    except WebhookVerificationError:
        verdicts.append(False)
print(json.dumps(verdicts))
";

#[tokio::test]
async fn the_reference_library_takes_what_is_signed_with_any_of_two_secrets_and_nothing_else() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--signing-secrets", &format!("* {SECOND} {FIRST}")]).await;
    let sink = Sink::start().await;
    let bodies = [
        json!({}),
        json!({ "body": { "a": [1.0, "ü"] } }),
        json!({ "body_text": "two\nlines" }),
        json!({ "method": "DELETE" }),
    ];
    for body in &bodies {
        let mut timer = json!({ "seconds": 0, "url": sink.url("/ok") });
        timer.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        node.client().create(&timer).await;
    }
    let mut questions = vec![];
    let mut expected = vec![];
    for hit in sink.until(bodies.len()).await {
        let (body, headers) = signed(&hit);
        let mut other_id = headers.clone();
        other_id["webhook-id"] = json!("another");
        questions.extend([
            json!([FIRST, body, headers]),
            json!([SECOND, body, headers]),
            json!(["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", body, headers]),
            json!([FIRST, format!("{body} "), headers]),
            json!([FIRST, body, other_id]),
        ]);
        expected.extend([true, true, false, false, false]);
    }
    assert_eq!(verdicts(&questions).await, expected);
}

/// The signed part of a webhook: the body, and the headers that are needed to verify it.
fn signed(hit: &Hit) -> (String, Value) {
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .map(|name| (name.to_owned(), json!(hit.headers[name].to_str().unwrap())))
        .collect::<serde_json::Map<_, _>>();
    (String::from_utf8(hit.body.to_vec()).unwrap(), headers.into())
}

/// The library's verdict on each secret, body and headers.
async fn verdicts(questions: &[Value]) -> Vec<bool> {
    let verdicts = python::script(VERIFY, &json!(questions).to_string()).await;
    serde_json::from_str(&verdicts).unwrap()
}

#[tokio::test]
async fn the_client_that_changes_the_request_or_its_target_signs_it() {
    let broker = Broker::start().await;
    let (one, of_one) = token("one", &["--scopes", "write,read"]).await;
    let (other, of_other) = token("other", &["--scopes", "write,read"]).await;
    let secrets = format!("token=one {FIRST}; token=other {SECOND}");
    let tokens = [of_one, of_other].join(";");
    let node = Node::with(&broker, &["--tokens", &tokens, "--signing-secrets", &secrets]).await;
    let (client, sink) = (node.client(), Sink::start().await);
    let ask = async |token: &str, method: Method, path: &str, body: Value| {
        let authorization = format!("Bearer {token}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = client.send(method, path, &[("authorization", &authorization)], &body).await;
        assert!(reply.status < 300, "{reply:?}");
        reply.json
    };
    // Each change with the paths at which the sink gets it, and the secret used there.
    let cases = [
        (json!({ "url": sink.url("/ok/url") }), vec![("/ok/url", SECOND)]),
        (json!({ "headers": { "x-a": "b" } }), vec![("/ok/headers", SECOND)]),
        (json!({ "body_text": "changed" }), vec![("/ok/body", SECOND)]),
        (
            json!({ "on_delivered": sink.url("/ok/told") }),
            vec![("/ok/callback", SECOND), ("/ok/told", SECOND)],
        ),
        (json!({ "delay": "2h", "delivery": "at_least_once", "timeout": "9s" }), vec![("/ok/moved", FIRST)]),
    ];
    let mut ids = vec![];
    for (change, places) in &cases {
        // A timer whose change sets another path was created with a path of its own.
        let path = if change.get("url").is_some() { "/ok/nowhere" } else { places[0].0 };
        let timer = json!({ "delay": "1h", "url": sink.url(path) });
        let created = ask(&one, Method::POST, "/timer", timer).await;
        let id = created["id"].as_str().unwrap().to_owned();
        ask(&other, Method::PATCH, &format!("/timer/{id}"), change.clone()).await;
        ask(&one, Method::POST, &format!("/timer/{id}/fire"), Value::Null).await;
        ids.push(id);
    }
    let places: Vec<_> = cases.iter().flat_map(|(_, places)| places.clone()).collect();
    let hits = sink.until(places.len()).await;
    let (mut questions, mut expected) = (vec![], vec![]);
    for (path, secret) in places {
        let (body, headers) = signed(hits.iter().find(|hit| hit.path == path).expect(path));
        for tried in [FIRST, SECOND] {
            questions.push(json!([tried, body, headers]));
            expected.push(tried == secret);
        }
    }
    assert_eq!(verdicts(&questions).await, expected);
    let shown = ask(&one, Method::GET, &format!("/timer/{}", ids[0]), Value::Null).await;
    assert_eq!((&shown["created_by"], &shown["set_by"]), (&json!("one"), &json!("other")));
    let moved = ask(&one, Method::GET, &format!("/timer/{}", ids[4]), Value::Null).await;
    assert!(moved["set_by"].is_null(), "{moved}");
}

#[tokio::test]
async fn a_node_without_secrets_does_not_sign_and_one_with_bad_ones_does_not_start() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    node.client().create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    assert!(!sink.until(1).await[0].headers.contains_key("webhook-signature"));
    let arguments = ["serve", "--insecure-no-auth", "--signing-secrets", "* hunter2"];
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_jettimer")).args(arguments).output().await;
    let output = output.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("line 1: a secret begins with whsec_") && !said.contains("hunter2"), "{said}");
}
