//! `Idempotency-Key`: two nodes that race make one timer.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::support::{Broker, Client, Node, Reply, Sink, token};

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
    // The same content in another spelling; the key is a quoted string.
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

#[tokio::test]
async fn a_key_is_that_of_the_owner_whichever_token_asks_in_its_name() {
    let broker = Broker::start().await;
    let (billing, of_billing) = token("billing", &["--scopes", "read,write"]).await;
    let (admin, of_admin) = token("boss", &["--scopes", "admin"]).await;
    let node = Node::with(&broker, &["--tokens", &format!("{of_billing};{of_admin}")]).await;
    let client = node.client();
    let create = async |token: &str, key: &str, body: &str| {
        let bearer = format!("Bearer {token}");
        let headers =
            [("idempotency-key", key), ("content-type", "application/json"), ("authorization", &*bearer)];
        let reply = client.send(Method::POST, "/timer", &headers, body).await;
        (reply.status, reply.json["id"].as_str().map(str::to_owned), reply.json["type"].clone())
    };
    let plain = r#"{"delay": "1h", "url": "http://localhost/"}"#;
    let named = r#"{"delay": "1h", "url": "http://localhost/", "created_by": "billing"}"#;
    let (status, id, _) = create(&billing, "a", named).await;
    assert_eq!(status, 201);
    assert_eq!(create(&admin, "a", named).await, (200, id.clone(), serde_json::Value::Null));
    // Without an owner in the request, the same key belongs to the token of the request.
    let (status, other, _) = create(&admin, "a", plain).await;
    assert!(status == 201 && other != id);
    // The owner's own request with this key has other content, and is found out.
    assert_eq!(create(&billing, "b", plain).await.0, 201);
    let reused = json!("urn:jettimer:problem:idempotency-key-reused");
    assert_eq!(create(&admin, "b", named).await, (422, None, reused));
    // A token that may not name another owner gets no timer of that owner.
    let of_boss = r#"{"delay": "1h", "url": "http://localhost/", "created_by": "boss"}"#;
    assert_eq!(create(&admin, "c", of_boss).await.0, 201);
    let (status, id, kind) = create(&billing, "c", of_boss).await;
    assert_eq!((status, id, kind), (422, None, json!("urn:jettimer:problem:invalid-timer")));
}

#[tokio::test]
async fn of_different_requests_with_one_key_at_two_nodes_one_wins_and_the_others_are_refused() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let sink = Sink::start().await;
    let body = |path: &str| json!({ "delay": "300ms", "url": sink.url(path) }).to_string();
    let bodies = [body("/a"), body("/b"), body("/a"), body("/b")];
    let mut won = [0; 2];
    for n in 0..100 {
        let key = format!("order-{n}");
        let racing = bodies.iter().enumerate().map(|(racer, body)| {
            // Each body comes to both nodes.
            let client = nodes[usize::from(matches!(racer, 1 | 2))].client();
            let key = key.clone();
            async move { create(&client, &key, body).await }
        });
        let replies = futures_util::future::join_all(racing).await;
        let winner = replies.iter().position(|reply| reply.status == 201).expect("one wins");
        for (racer, reply) in replies.iter().enumerate() {
            let expected = if racer == winner {
                201
            } else if racer % 2 == winner % 2 {
                200
            } else {
                422
            };
            assert_eq!(reply.status, expected, "{racer} of {replies:?}");
            if expected == 422 {
                assert_eq!(reply.json["type"], "urn:jettimer:problem:idempotency-key-reused");
            } else {
                assert_eq!(reply.json["id"], replies[winner].json["id"]);
            }
        }
        won[winner % 2] += 1;
    }
    let hits = sink.until(100).await;
    assert_eq!(won[0] + won[1], 100);
    assert_eq!(hits.len(), 100);
    assert!(sink.counts().values().all(|count| *count == 1));
}

#[tokio::test]
async fn a_repeated_request_gives_the_first_timer_also_once_it_would_be_refused() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let body = r#"{"delay": "1h", "url": "http://localhost/"}"#;
    let first = create(&node.client(), "k", body).await;
    // With this `--max-delay` the request would be refused, as it would be once its instant has passed.
    let later = Node::with(&broker, &["--max-delay", "1s"]).await;
    let again = create(&later.client(), "k", body).await;
    assert_eq!((again.status, &again.json["id"]), (200, &first.json["id"]), "{again:?}");
    let other = create(&later.client(), "k", &body.replace("localhost", "elsewhere")).await;
    assert_eq!((other.status, other.pointers()), (422, vec!["/delay"]));
}
