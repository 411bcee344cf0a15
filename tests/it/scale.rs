//! More processes of the same kind: two API nodes and two workers share the load.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{Broker, Node, Sink, eventually};

#[tokio::test]
async fn two_api_nodes_and_two_workers_share_the_load() {
    let broker = Broker::start().await;
    let apis = [Node::with(&broker, &["--role", "api"]).await, Node::with(&broker, &["--role", "api"]).await];
    let workers = [
        Node::with(&broker, &["--role", "worker", "--node-name", "left", "--max-held", "50"]).await,
        Node::with(&broker, &["--role", "worker", "--node-name", "right", "--max-held", "50"]).await,
    ];
    let sink = Sink::start().await;
    let mut ids = Vec::new();
    for n in 0..400 {
        let client = apis[n % 2].client();
        ids.push(client.create(&json!({ "delay": "1s", "url": sink.url("/slow/50") })).await);
    }
    let mut nodes = BTreeSet::new();
    for (n, id) in ids.iter().enumerate() {
        // Each timer is read at the node that did not create it.
        let timer = apis[(n + 1) % 2].client().until(id, "delivered").await;
        nodes.insert(timer["last_attempt"]["node"].as_str().unwrap().to_owned());
    }
    assert_eq!(nodes, BTreeSet::from(["left".to_owned(), "right".to_owned()]));
    assert!(sink.counts().values().all(|count| *count == 1));

    // A worker answers only health checks.
    let health = workers[0].client().send(reqwest::Method::GET, "/readyz", &[], "").await;
    assert_eq!(health.status, 200);
    assert_eq!(workers[0].client().post(&json!({})).await.status, 404);
}

#[tokio::test]
async fn an_api_node_alone_calls_no_receiver() {
    let broker = Broker::start().await;
    let api = Node::with(&broker, &["--role", "api"]).await;
    let sink = Sink::start().await;
    let id = api.client().create(&json!({ "delay": "0s", "url": sink.url("/ok") })).await;
    let later = api.client().create(&json!({ "delay": "600ms", "url": sink.url("/ok") })).await;
    eventually("both are due", async || (api.client().get(&later).await["time_left"] == 0).then_some(()))
        .await;
    assert!(sink.hits().is_empty());
    // The first worker that starts finds both.
    let _worker = Node::with(&broker, &["--role", "worker"]).await;
    api.client().until(&id, "delivered").await;
    api.client().until(&later, "delivered").await;
}
