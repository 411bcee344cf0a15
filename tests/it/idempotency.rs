//! `Idempotency-Key`: two nodes that race make one timer.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::support::{Broker, Client, Node, Reply, Sink};

async fn create(client: &Client, key: &str, body: &str) -> Reply {
    let headers = [("idempotency-key", key), ("content-type", "application/json")];
    client.send(Method::POST, "/timer", &headers, body).await
}

#[tokio::test]
async fn a_key_that_reaches_two_nodes_at_once_makes_one_timer() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let sink = Sink::start().await;
    let body = json!({ "delay": "300ms", "url": sink.url("/ok") }).to_string();
    let mut ids = BTreeSet::new();
    for n in 0..100 {
        let key = format!("order-{n}");
        let clients = nodes.each_ref().map(Node::client);
        let (a, b, c) = tokio::join!(
            create(&clients[0], &key, &body),
            create(&clients[1], &key, &body),
            create(&clients[0], &key, &body),
        );
        let mut statuses = [a.status, b.status, c.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 201], "{a:?} {b:?} {c:?}");
        assert_eq!(a.json["id"], b.json["id"]);
        assert_eq!(a.json["due_at"], b.json["due_at"]);
        assert_eq!(a.json["id"], c.json["id"]);
        ids.insert(a.json["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        nodes[0].client().until(id, "delivered").await;
    }
    assert_eq!(ids.len(), 100);
    assert_eq!(sink.counts().len(), 100);
    assert!(sink.counts().values().all(|count| *count == 1));
}

#[tokio::test]
async fn a_repeated_key_gives_the_first_timer_and_another_request_is_refused() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let first = create(&client, "k", r#"{"delay": "1h", "url": "http://localhost/"}"#).await;
    assert_eq!(first.status, 201);
    // The same content, written otherwise; the key as a quoted string.
    let again = create(&client, "\"k\"", r#"{"url":"http://localhost/","delay":"1h"}"#).await;
    assert_eq!((again.status, &again.json["id"]), (200, &first.json["id"]));
    assert_eq!(again.json["due_at"], first.json["due_at"]);
    let other = create(&client, "k", r#"{"delay": "2h", "url": "http://localhost/"}"#).await;
    assert_eq!(
        (other.status, &other.json["type"]),
        (422, &json!("urn:jettimer:problem:idempotency-key-reused"))
    );
    let bad = create(&client, "\"k", r#"{"delay": "1h", "url": "http://localhost/"}"#).await;
    assert_eq!(bad.status, 400);
}
