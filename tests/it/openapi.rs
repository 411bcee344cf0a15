//! The node serves the OpenAPI document and answers as it says. All tests compare their answers with it (see
//! `support::contract`), and these tests send the requests that no other test sends.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::{Broker, Node, contract};

/// A list of tokens whose only token has no holder.
const TOKENS: &str = "absent read sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[tokio::test]
async fn the_document_and_its_page_are_there_for_everyone() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--tokens", TOKENS]).await;
    let document = node.client().send(Method::GET, "/openapi.json", &[], "").await;
    assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
    assert_eq!(document.json, serde_json::from_str::<Value>(jettimer::api::DOCUMENT).unwrap());
    let page = node.client().send(Method::GET, "/docs", &[], "").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn the_page_takes_nothing_from_anywhere_else() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let page = node.client().send(Method::GET, "/docs", &[], "").await;
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let html = page.json.as_str().unwrap();
    for foreign in ["src=", "@import", "url(", " style=\"", " onclick="] {
        assert!(!html.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn whatever_answers_get_answers_head_without_a_body() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    for path in ["/healthz", "/readyz", "/timers/counts", "/openapi.json", "/docs"] {
        let reply = node.client().send(Method::HEAD, path, &[], "").await;
        assert_eq!((reply.status, &reply.json), (200, &json!("")), "{path}");
    }
}

#[test]
fn an_answer_that_is_not_in_the_document_is_noticed() {
    let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    };
    let good = headers(&[("content-type", "application/json"), ("x-request-id", "a")]);
    let health = json!({ "status": "ok", "version": "1" });
    let check = |path: &str, status: u16, headers: &HeaderMap, body: &Value| {
        contract::check(&Method::GET, path, status, headers, &body.to_string())
    };
    assert_eq!(check("/healthz", 200, &good, &health), Ok(()));
    for (path, status, headers, body) in [
        ("/nowhere", 200, &good, &health),
        ("/healthz", 204, &good, &health),
        ("/healthz", 200, &headers(&[("content-type", "application/json")]), &health),
        ("/healthz", 200, &headers(&[("content-type", "text/plain"), ("x-request-id", "a")]), &health),
        ("/healthz", 200, &good, &json!({ "status": "fine", "version": "1" })),
        ("/healthz", 200, &good, &json!({ "status": "ok", "version": "1", "more": 1 })),
    ] {
        assert!(check(path, status, headers, body).is_err(), "{path} {status} {headers:?} {body}");
    }
    assert!(contract::check_event("created", &json!({ "id": "x" })).is_err());
    assert!(contract::check_event("exploded", &json!({})).is_err());
}
