//! Access to the API: tokens, scopes and rates, and the view of a token without `read-body`.

use reqwest::Method;
use serde_json::json;
use tokio::process::Command;

use crate::support::{Broker, Node, eventually, token};

#[tokio::test]
async fn a_token_lets_in_as_far_as_its_scopes_go() {
    let broker = Broker::start().await;
    let (reader, of_reader) = token("reader", &["--scopes", "read"]).await;
    let (writer, of_writer) = token("writer", &["--scopes", "read,write,read-body"]).await;
    let (admin, of_admin) = token("boss", &["--scopes", "admin"]).await;
    let node = Node::with(&broker, &["--tokens", &[of_reader, of_writer, of_admin].join(";")]).await;
    let client = node.client();
    let ask = async |token: &str, method: Method, path: &str, body: &str| {
        client.send(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
    };
    let timer = json!({ "delay": "1h", "url": "http://localhost/", "headers": { "x-key": "secret" }, "body": { "a": 1 } });
    let created = ask(&writer, Method::POST, "/timer", &timer.to_string()).await;
    assert_eq!(created.status, 201, "{created:?}");
    let path = format!("/timer/{}", created.json["id"].as_str().unwrap());

    // A token without `read-body` sees digests of headers and body.
    let whole = ask(&writer, Method::GET, &path, "").await.json;
    assert_eq!((&whole["headers"]["x-key"], &whole["body"]), (&json!("secret"), &json!({ "a": 1 })));
    let redacted = ask(&reader, Method::GET, &path, "").await.json;
    assert!(redacted["headers"]["x-key"].as_str().unwrap().starts_with("sha256:"), "{redacted}");
    assert!(redacted.get("body").is_none() && redacted["body_sha256"].is_string());
    assert_eq!((&whole["redacted"], &redacted["redacted"]), (&json!(false), &json!(true)));

    for (token, method, path, status) in [
        (&reader, Method::POST, "/timer", 403),
        (&reader, Method::DELETE, path.as_str(), 403),
        (&writer, Method::DELETE, "/timers?state=scheduled", 403),
        (&reader, Method::GET, "/timers/counts", 200),
        (&admin, Method::DELETE, "/timers?state=scheduled&dry_run=true", 200),
        (&"jt_wrong".to_owned(), Method::GET, path.as_str(), 401),
    ] {
        let reply = ask(token, method.clone(), path, "{}").await;
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        assert_eq!(status >= 400, reply.header("www-authenticate").starts_with("Bearer realm="), "{reply:?}");
    }
    let nobody = client.send(Method::GET, &path, &[], "").await;
    assert_eq!((nobody.status, &nobody.json["type"]), (401, &json!("urn:jettimer:problem:unauthorized")));
    // Probes have no token.
    assert_eq!(client.send(Method::GET, "/readyz", &[], "").await.status, 200);
}

#[tokio::test]
async fn a_token_gets_no_timer_for_another_tokens_idempotency_key() {
    let broker = Broker::start().await;
    let (one, of_one) = token("one", &["--scopes", "write"]).await;
    let (other, of_other) = token("other", &["--scopes", "write"]).await;
    let node = Node::with(&broker, &["--tokens", &[of_one, of_other].join(";")]).await;
    let create = async |token: &str, path: &str, body: &str| {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str()), ("idempotency-key", "order-1")];
        node.client().send(Method::POST, path, &headers, body).await
    };
    let timer = r#"{"delay": "1h", "url": "http://localhost/"}"#;
    let first = create(&one, "/timer", timer).await;
    let second = create(&other, "/timer", timer).await;
    let again = create(&one, "/timer", timer).await;
    assert_eq!([first.status, second.status, again.status], [201, 201, 200], "{first:?} {second:?}");
    assert_ne!(first.json["id"], second.json["id"]);
    assert_eq!(first.json["id"], again.json["id"]);
    // The answer does not show whether the other token has a timer with this key, in a request for one timer or for many.
    assert_eq!(create(&other, "/timer", &timer.replace("1h", "2h")).await.status, 422);
    let many = [
        create(&one, "/timers", &format!("[{timer}]")).await,
        create(&other, "/timers", &format!("[{timer}]")).await,
    ];
    let of = |n: usize| &many[n].json["results"][0];
    assert_eq!((&of(0)["status"], &of(1)["status"]), (&json!(201), &json!(201)), "{many:?}");
    assert_ne!(of(0)["timer"]["id"], of(1)["timer"]["id"]);
}

#[tokio::test]
async fn a_token_that_is_used_too_often_is_told_when_to_come_back() {
    let broker = Broker::start().await;
    let (secret, line) = token("slow", &["--rate", "2/h"]).await;
    let node = Node::with(&broker, &["--tokens", &line]).await;
    let authorization = format!("Bearer {secret}");
    let ask = async || {
        node.client().send(Method::GET, "/timers/counts", &[("authorization", &authorization)], "").await
    };
    let first = ask().await;
    assert_eq!(first.header("ratelimit-policy"), "\"default\";q=2;w=3600");
    assert!(first.header("ratelimit").starts_with("\"default\";r=1;t="), "{first:?}");
    ask().await;
    let refused = ask().await;
    assert_eq!(
        (refused.status, &refused.json["type"]),
        (429, &json!("urn:jettimer:problem:too-many-requests"))
    );
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 1_000, "{refused:?}");
}

#[tokio::test]
async fn what_a_token_may_not_do_counts_towards_its_rate_too() {
    let broker = Broker::start().await;
    let (secret, line) = token("slow", &["--scopes", "read", "--rate", "2/h"]).await;
    let node = Node::with(&broker, &["--tokens", &line]).await;
    let authorization = format!("Bearer {secret}");
    let headers = [("authorization", authorization.as_str())];
    let mut statuses = vec![];
    for left in ["\"default\";r=1;", "\"default\";r=0;", "\"default\";r=0;"] {
        let reply = node.client().send(Method::POST, "/timer", &headers, "{}").await;
        assert!(reply.header("ratelimit").starts_with(left), "{reply:?}");
        statuses.push(reply.status);
    }
    assert_eq!(statuses, [403, 403, 429]);
}

#[tokio::test]
async fn a_bulk_request_counts_each_of_its_timers() {
    let broker = Broker::start().await;
    let (secret, line) = token("slow", &["--scopes", "write,read", "--rate", "5/h"]).await;
    let node = Node::with(&broker, &["--tokens", &line]).await;
    let authorization = format!("Bearer {secret}");
    let headers = [("authorization", authorization.as_str())];
    let timer = json!({ "delay": "1h", "url": "http://localhost/" });
    let seven = json!([timer, timer, timer, "no timer", timer, timer, timer]).to_string();
    let reply = node.client().send(Method::POST, "/timers", &headers, &seven).await;
    let results = reply.json["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|item| item["status"].as_u64().unwrap()).collect();
    // Refused timers count as well.
    assert_eq!(statuses, [201, 201, 201, 422, 201, 429, 429], "{reply:?}");
    assert_eq!(results[6]["problem"]["type"], "urn:jettimer:problem:too-many-requests");
    assert!(reply.header("ratelimit").starts_with("\"default\";r=0;"), "{reply:?}");
    let next = node.client().send(Method::POST, "/timers", &headers, &seven).await;
    assert_eq!(next.status, 429, "{next:?}");
}

#[tokio::test]
async fn a_cancel_by_filter_counts_each_timer() {
    let broker = Broker::start().await;
    let (boss, of_boss) = token("boss", &["--scopes", "admin"]).await;
    let (slow, of_slow) = token("slow", &["--scopes", "admin", "--rate", "6/h"]).await;
    let node = Node::with(&broker, &["--tokens", &[of_boss, of_slow].join(";")]).await;
    let ask = async |token: &str, method: Method, path: &str, body: &str| {
        let authorization = format!("Bearer {token}");
        node.client().send(method, path, &[("authorization", &authorization)], body).await
    };
    let timer = json!({ "delay": "1h", "url": "http://localhost/" });
    ask(&boss, Method::POST, "/timers", &json!(vec![timer; 9]).to_string()).await;
    eventually("the index has them", async || {
        let counts = ask(&boss, Method::GET, "/timers/counts", "").await;
        (counts.json["scheduled"] == 9).then_some(())
    })
    .await;
    let all = "/timers?state=scheduled&host=localhost";
    // Counting them stores nothing.
    let counted = ask(&slow, Method::DELETE, &format!("{all}&dry_run=true"), "").await;
    assert_eq!((&counted.json["matched"], &counted.json["more"]), (&json!(9), &json!(false)));
    let cancelled = ask(&slow, Method::DELETE, all, "").await;
    assert_eq!((&cancelled.json["cancelled"], &cancelled.json["more"]), (&json!(5), &json!(true)));
    assert!(cancelled.header("ratelimit").starts_with("\"default\";r=0;"), "{cancelled:?}");
    assert_eq!(ask(&slow, Method::DELETE, all, "").await.status, 429);
}

#[tokio::test]
async fn an_api_without_tokens_has_to_be_asked_for() {
    for (args, said) in [
        (vec![], "--insecure-no-auth"),
        (vec!["--tokens", "a read sha256:0"], "line 1"),
        (vec!["--tokens-file", "/nowhere"], "/nowhere"),
        (vec!["--insecure-no-auth", "--tokens", &format!("a read sha256:{}", "0".repeat(64))], "contradict"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_jettimer"))
            .args(["serve", "--nats", "nats://127.0.0.1:1", "--nats-wait", "0s", "--listen", "127.0.0.1:0"])
            .args(&args)
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {text}");
        assert!(text.contains(said), "{said:?} is not said for {args:?}: {text}");
    }
}
