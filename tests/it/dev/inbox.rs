//! The inbox shows the requests that a receiver gets, answers them as their URLs say, and exists only in `dev`.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Broker, Client, Dev, Node, Reply, eventually, plain_http};

/// Sends a request whose answer is not part of the API's contract.
async fn raw(
    client: &Client,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String) {
    let mut request = plain_http().request(method, client.url(path)).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

async fn inbox(client: &Client) -> Vec<Value> {
    let reply = client.send(Method::GET, "/dev/inbox", &[], "").await;
    reply.json["webhooks"].as_array().unwrap_or_else(|| panic!("{reply:?}")).clone()
}

/// Waits until `count` webhooks have come, and returns them, the newest first.
async fn until(client: &Client, count: usize) -> Vec<Value> {
    eventually(&format!("{count} webhooks"), async || {
        Some(inbox(client).await).filter(|webhooks| webhooks.len() == count)
    })
    .await
}

#[tokio::test]
async fn the_welcome_says_what_to_try_and_it_works() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &[]).await;
    let (_, rest) = dev.welcome().split_once("-d '").expect("a curl");
    let (body, _) = rest.split_once('\'').expect("its body");
    let mut timer: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(timer["seconds"], 5);
    timer["seconds"] = 0.into();
    let id = dev.client().create(&timer).await;
    let webhook = &until(&dev.client(), 1).await[0];
    assert_eq!((&webhook["id"], &webhook["attempt"]), (&json!(id), &json!(1)));
    assert_eq!(webhook["body"], format!("{{\"id\": \"{id}\"}}"));
    assert!(webhook["lateness_ms"].as_f64().unwrap() > 0.0, "{webhook}");
    dev.client().until(&id, "delivered").await;
    let secret = data.path().join("signing-secret");
    assert!(dev.welcome().contains(secret.to_str().unwrap()), "{}", dev.welcome());
    assert_eq!(webhook["signature"], "valid");
    let mode = std::os::unix::fs::PermissionsExt::mode(&secret.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_webhook_of_any_method_and_path_is_taken_and_none_is_taken_for_a_look() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &[]).await;
    let client = dev.client();
    for method in ["GET", "HEAD", "DELETE", "PUT", "PATCH", "POST"] {
        let url = client.url(&format!("/dev/inbox/{method}/a?customer=7"));
        let timer = json!({ "seconds": 0, "url": url, "method": method, "headers": { "x-note": "<b>" } });
        let id = client.create(&timer).await;
        client.until(&id, "delivered").await;
    }
    let webhooks = until(&client, 6).await;
    let methods: Vec<&str> = webhooks.iter().map(|webhook| webhook["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["POST", "PATCH", "PUT", "DELETE", "HEAD", "GET"]);
    for webhook in &webhooks {
        assert_eq!(webhook["path"], format!("/dev/inbox/{}/a", webhook["method"].as_str().unwrap()));
        assert_eq!((&webhook["query"], &webhook["signature"]), (&json!("customer=7"), &json!("valid")));
        assert_eq!(webhook["headers"]["x-note"], "<b>", "{webhook}");
    }
    // A path shows the webhooks below it, and removes them.
    let (status, text) = raw(&client, Method::GET, "/dev/inbox/PUT", &[], "").await;
    let below: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, below["webhooks"].as_array().unwrap().len()), (200, 1), "{text}");
    assert_eq!(raw(&client, Method::DELETE, "/dev/inbox/PUT", &[], "").await.1, "{\"removed\":1}");
    let Reply { status, json, .. } = client.send(Method::DELETE, "/dev/inbox", &[], "").await;
    assert_eq!((status, json), (200, json!({ "removed": 5 })));
    assert!(inbox(&client).await.is_empty());
}

#[tokio::test]
async fn a_url_says_how_it_is_answered_so_that_retries_can_be_tried() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &[]).await;
    let client = dev.client();
    let retried = |query: &str| {
        json!({
            "seconds": 0, "url": client.url(&format!("/dev/inbox{query}")), "delivery": "at_least_once",
            "retry": { "initial_backoff": "1ms" },
        })
    };
    let id = client.create(&retried("?status=503&times=2")).await;
    assert_eq!(client.until(&id, "delivered").await["attempts"], 3);
    let webhooks = until(&client, 3).await;
    let seen: Vec<(&Value, &Value)> =
        webhooks.iter().map(|webhook| (&webhook["attempt"], &webhook["status"])).collect();
    assert_eq!(seen, [(&json!(3), &json!(200)), (&json!(2), &json!(503)), (&json!(1), &json!(503))]);

    let failing = client.create(&json!({ "seconds": 0, "url": client.url("/dev/inbox?status=410") })).await;
    let failed = client.until(&failing, "failed").await;
    assert_eq!(failed["last_attempt"]["status"], 410, "{failed}");
    let url = client.url("/dev/inbox?delay=30s");
    let slow = client.create(&json!({ "seconds": 0, "url": url, "timeout": "300ms" })).await;
    let failed = client.until(&slow, "failed").await;
    assert_eq!(failed["last_attempt"]["result"], "no_answer", "{failed}");
    let wrong = client.create(&json!({ "seconds": 0, "url": client.url("/dev/inbox?status=99") })).await;
    assert_eq!(client.until(&wrong, "failed").await["last_attempt"]["status"], 400);
    // The delayed answer does not keep the node from stopping.
    assert_eq!(dev.interrupt().await, Some(0));
}

#[tokio::test]
async fn a_signature_is_checked_and_not_believed() {
    let data = TempDir::new().unwrap();
    let mut dev = Dev::start(data.path(), &[]).await;
    let client = dev.client();
    client.create(&json!({ "seconds": 0, "url": client.url("/dev/inbox") })).await;
    let genuine = until(&client, 1).await.remove(0);
    // The secret survives a restart, or earlier signatures could no longer be verified.
    dev.kill().await;
    let dev = Dev::start(data.path(), &[]).await;
    let client = dev.client();
    let headers: Vec<(&str, &str)> = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .map(|name| (name, genuine["headers"][name].as_str().unwrap()))
        .collect();
    for body in [genuine["body"].as_str().unwrap(), "{}"] {
        assert_eq!(raw(&client, Method::POST, "/dev/inbox", &headers, body).await.0, 200);
    }
    assert_eq!(raw(&client, Method::POST, "/dev/inbox", &[], "by hand").await.0, 200);
    let webhooks = until(&client, 3).await;
    let worth: Vec<&Value> = webhooks.iter().map(|webhook| &webhook["signature"]).collect();
    assert_eq!(worth, ["missing", "invalid", "valid"]);
    assert_eq!((&webhooks[0]["id"], &webhooks[0]["attempt"]), (&Value::Null, &Value::Null));
    assert_eq!(
        raw(&client, Method::POST, "/dev/inbox", &[("origin", "http://evil.example")], "").await.0,
        403
    );
    let (status, _) =
        raw(&client, Method::DELETE, "/dev/inbox", &[("origin", "http://evil.example")], "").await;
    assert_eq!((status, inbox(&client).await.len()), (403, 3));
}

#[tokio::test]
async fn secrets_of_ones_own_are_used_and_none_is_made() {
    let data = TempDir::new().unwrap();
    let secrets = "* whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let dev = Dev::start(data.path(), &["--signing-secrets", secrets]).await;
    let client = dev.client();
    client.create(&json!({ "seconds": 0, "url": client.url("/dev/inbox") })).await;
    assert_eq!(until(&client, 1).await[0]["signature"], "valid");
    assert!(!data.path().join("signing-secret").exists() && !dev.welcome().contains("signed"));
}

#[tokio::test]
async fn the_page_is_as_strict_as_that_of_the_api_and_needs_no_token() {
    let data = TempDir::new().unwrap();
    let (_, line) = crate::support::token("reader", &["--scopes", "read"]).await;
    let dev = Dev::start(data.path(), &["--tokens", &line]).await;
    let client = dev.client();
    let html = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = client.send(Method::GET, "/dev/inbox", &html, "").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for foreign in ["src=", "@import", "url(", " style=\"", " onclick=", "innerHTML"] {
        assert!(!page.json.as_str().unwrap().contains(foreign), "{foreign}");
    }
    assert_eq!(client.send(Method::GET, "/dev/inbox", &[], "").await.status, 401);
}

#[tokio::test]
async fn a_node_of_production_has_no_inbox() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        assert_eq!(node.client().send(method, "/dev/inbox", &[("webhook-id", "x")], "").await.status, 404);
    }
}
