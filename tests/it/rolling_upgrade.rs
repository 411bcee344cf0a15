//! Nodes of this version and of the next one at the same time: a rolling upgrade, and the way back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::jetstream::Hand;
use crate::support::{Broker, Client, Node, Sink, eventually};

/// How many timers the test creates in all, about one in each [`PACE`].
const TIMERS: usize = 1_200;
const PACE: Duration = Duration::from_millis(8);

/// The nodes that take requests at present.
type Nodes = Arc<Mutex<Vec<Client>>>;

/// Creates timers during the upgrade, through any node that accepts them.
async fn load(nodes: &Nodes, sink: &Sink) -> Vec<String> {
    let mut ids = Vec::with_capacity(TIMERS);
    for n in 0..TIMERS {
        tokio::time::sleep(PACE).await;
        let (path, delivery) = match n % 4 {
            0 => ("/status/503/times/1", "at_least_once"),
            1 => ("/slow/50", "at_most_once"),
            _ => ("/ok", "at_most_once"),
        };
        let timer = json!({
            "delay": format!("{}ms", n % 16 * 150), "url": sink.url(path), "delivery": delivery,
            "retry": { "initial_backoff": "300ms" },
        });
        ids.push(created(nodes, &format!("\"{n}\""), &timer).await);
    }
    ids
}

/// Creates a timer by its key, at one node after the other: a node that stops accepts no connection.
async fn created(nodes: &Nodes, key: &str, timer: &Value) -> String {
    let headers = [("idempotency-key", key), ("content-type", "application/json")];
    eventually("a node takes the timer", async || {
        let now = nodes.lock().unwrap().clone();
        for client in now {
            match client.try_send(Method::POST, "/timer", &headers, &timer.to_string()).await {
                Ok(reply) if matches!(reply.status, 200 | 201) => {
                    return reply.json["id"].as_str().map(str::to_owned);
                }
                Ok(_) | Err(_) => {}
            }
        }
        None
    })
    .await
}

/// Replaces one node by another as an orderly restart does: the new one takes requests before the old one stops.
async fn replace(nodes: &Nodes, place: usize, mut old: Node, new: Node) -> Node {
    nodes.lock().unwrap()[place] = new.client();
    old.terminate();
    assert_eq!(old.exit_code().await, Some(0));
    new
}

/// Replaces each node by one of the next version, and then each of those by one of this version.
async fn upgrade_and_back(
    broker: &Broker,
    nodes: &Nodes,
    sink: &Sink,
    [first, second]: [Node; 2],
) -> [Node; 2] {
    sink.until(TIMERS / 6).await;
    let first = replace(nodes, 0, first, Node::of_next_version(broker).await).await;
    sink.until(TIMERS / 3).await;
    let second = replace(nodes, 1, second, Node::of_next_version(broker).await).await;
    sink.until(TIMERS / 2).await;
    let first = replace(nodes, 0, first, Node::start(broker).await).await;
    sink.until(TIMERS * 2 / 3).await;
    [first, replace(nodes, 1, second, Node::start(broker).await).await]
}

#[tokio::test]
async fn an_upgrade_node_by_node_and_back_loses_and_doubles_nothing() {
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    let both = [Node::start(&broker).await, Node::start(&broker).await];
    let nodes: Nodes = Arc::new(Mutex::new(both.iter().map(Node::client).collect()));
    let (ids, [node, _other]) =
        tokio::join!(load(&nodes, &sink), upgrade_and_back(&broker, &nodes, &sink, both));
    for id in &ids {
        node.client().until(id, "delivered").await;
    }
    let counts = sink.counts();
    assert_eq!(counts.len(), TIMERS, "some were lost");
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(counts[id], if n % 4 == 0 { 2 } else { 1 }, "timer {n}, {id}");
    }
}

#[tokio::test]
async fn what_the_next_version_has_stored_stays_when_this_one_writes() {
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    let (this, next) = (Node::start(&broker).await, Node::of_next_version(&broker).await);
    let hand = Hand::of(&broker).await;
    let id = next.client().create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    let before = hand.record(&id).await;
    assert_eq!(before["next_version"], "has been here");

    // The other node stops, so that this one makes all later calls.
    let mut next = next;
    next.terminate();
    assert_eq!(next.exit_code().await, Some(0));
    assert_eq!(this.client().patch(&id, &json!({ "metadata": { "a": "b" } })).await.status, 200);
    let changed = hand.record(&id).await;
    assert_eq!((&changed["metadata"]["a"], &changed["next_version"]), (&json!("b"), &before["next_version"]));
    this.client().send(Method::POST, &format!("/timer/{id}/fire"), &[], "").await;
    this.client().until(&id, "delivered").await;
    let delivered = hand.record(&id).await;
    assert_eq!(
        (&delivered["state"]["name"], &delivered["next_version"]),
        (&json!("delivered"), &before["next_version"])
    );
}
