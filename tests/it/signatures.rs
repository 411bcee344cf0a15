//! Webhooks are signed so that the reference library of another language takes them, and no others.

use serde_json::{Value, json};

use crate::support::{Broker, Node, Sink, python};

const FIRST: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECOND: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Reads `[[secret, body, headers], …]` and prints for each whether the library takes it.
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
        let headers: Value = ["webhook-id", "webhook-timestamp", "webhook-signature"]
            .into_iter()
            .map(|name| (name.to_owned(), json!(hit.headers[name].to_str().unwrap())))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let body = String::from_utf8(hit.body.to_vec()).unwrap();
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
    let verdicts = python::script(VERIFY, &json!(questions).to_string()).await;
    assert_eq!(serde_json::from_str::<Vec<bool>>(&verdicts).unwrap(), expected);
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
