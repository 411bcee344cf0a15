//! A node reports when NATS is less durable than requested, and which facts it cannot see.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Broker, Node, eventually};

/// Waits until the node has looked, and returns its findings.
async fn found(node: &Node) -> Value {
    eventually("the node has looked", async || {
        let reply = node.client().send(Method::GET, "/readyz", &[], "").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json.get("durability").cloned()
    })
    .await
}

/// The node's warnings: the check and the whole message of each.
fn warnings(node: &Node) -> Vec<(String, String)> {
    let of_durability = |line: &Value| line["message"].as_str().unwrap_or("").starts_with("durability");
    let lines = node.logged("WARN").into_iter().filter(of_durability);
    lines.map(|line| (line["check"].as_str().unwrap().to_owned(), line.to_string())).collect()
}

async fn metric(node: &Node, check: &str) -> String {
    let metrics = node.client().send(Method::GET, "/metrics", &[], "").await.json;
    let start = format!("jettimer_durability_met{{check=\"{check}\"}} ");
    let line = metrics.as_str().unwrap().lines().find_map(|line| line.strip_prefix(&start));
    line.expect("the metric").to_owned()
}

#[tokio::test]
async fn a_single_server_is_not_a_reason_to_warn_until_the_operator_asks_for_more() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    assert_eq!(found(&node).await, json!({ "version": "met", "replicas": "met", "sync": "met" }));
    assert!(warnings(&node).is_empty(), "{:?}", warnings(&node));

    let node = Node::with(&broker, &["--durability", "full"]).await;
    assert_eq!(found(&node).await, json!({ "version": "met", "replicas": "weaker", "sync": "weaker" }));
    let said = warnings(&node);
    let checks: Vec<&str> = said.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(checks, ["replicas", "sync"]);
    for (text, words) in [
        (&said[0].1, ["KV_timers, TIMERS: 1", "--replicas=3"]),
        (&said[1].1, ["jettimer-dev: every 1s", "sync_interval: always"]),
    ] {
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
    assert_eq!((metric(&node, "version").await, metric(&node, "sync").await), ("1.0".into(), "0.0".into()));
}

#[tokio::test]
async fn a_server_that_writes_through_is_seen_to() {
    let always = |_: &_, config: String| config.replace("sync_interval: 1s", "sync_interval: always");
    let broker = Broker::configured(always).await;
    let node = Node::with(&broker, &["--durability", "synced"]).await;
    assert_eq!(found(&node).await["sync"], "met");
    assert!(warnings(&node).is_empty(), "{:?}", warnings(&node));
}

#[tokio::test]
async fn what_the_system_account_does_not_export_is_said_not_to_be_known() {
    let broker = Broker::configured(|users, config| {
        users.hide_servers();
        config
    })
    .await;
    let node = Node::with(&broker, &["--durability", "synced"]).await;
    assert_eq!(found(&node).await, json!({ "version": "met", "replicas": "met", "sync": "unseen" }));
    let said = warnings(&node);
    assert!(said.len() == 1 && said[0].0 == "sync" && said[0].1.contains("SERVER.PING.VARZ"), "{said:?}");
    assert_eq!(metric(&node, "sync").await, "NaN");

    // A node without a requested durability does not warn.
    let node = Node::start(&broker).await;
    assert_eq!(found(&node).await["sync"], "unseen");
    assert!(warnings(&node).is_empty(), "{:?}", warnings(&node));
}

#[tokio::test]
async fn streams_that_have_fewer_replicas_than_the_option_says_are_found_without_asking() {
    let broker = Broker::start().await;
    drop(Node::start(&broker).await);
    let node = Node::with(&broker, &["--replicas", "3"]).await;
    assert_eq!(found(&node).await["replicas"], "weaker");
}
