//! A rolling upgrade: nodes are replaced one by one, and records have fields that only the next version knows.

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

/// A field that a next version may store, and its value.
const FIELD: (&str, &str) = ("next_version", "has been here");

/// Creates timers during the upgrade, through any node that accepts them. Those with the longest delay get a field of the next version.
/// Returns the ids of all timers, and of those with that field.
async fn load(nodes: &Nodes, sink: &Sink, hand: &Hand) -> (Vec<String>, Vec<String>) {
    let (mut ids, mut with_field) = (Vec::with_capacity(TIMERS), vec![]);
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
        let id = created(nodes, &format!("\"{n}\""), &timer).await;
        if n % 16 == 15 && hand.add_field(&id, FIELD.0, FIELD.1).await {
            with_field.push(id.clone());
        }
        ids.push(id);
    }
    (ids, with_field)
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

/// Replaces each node twice, as an upgrade and the way back do.
async fn upgrade_and_back(
    broker: &Broker,
    nodes: &Nodes,
    sink: &Sink,
    [first, second]: [Node; 2],
) -> [Node; 2] {
    sink.until(TIMERS / 6).await;
    let first = replace(nodes, 0, first, Node::start(broker).await).await;
    sink.until(TIMERS / 3).await;
    let second = replace(nodes, 1, second, Node::start(broker).await).await;
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
    let hand = Hand::of(&broker).await;
    let ((ids, with_field), [node, _other]) =
        tokio::join!(load(&nodes, &sink, &hand), upgrade_and_back(&broker, &nodes, &sink, both));
    for id in &ids {
        node.client().until(id, "delivered").await;
    }
    let counts = sink.counts();
    assert_eq!(counts.len(), TIMERS, "some were lost");
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(counts[id], if n % 4 == 0 { 2 } else { 1 }, "timer {n}, {id}");
    }
    assert!(!with_field.is_empty(), "no record has a field of the next version");
    for id in &with_field {
        assert_eq!(hand.record(id).await[FIELD.0], FIELD.1, "{id}");
    }
}

#[tokio::test]
async fn a_field_that_the_next_version_has_stored_stays_when_this_one_writes() {
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    let (node, hand) = (Node::start(&broker).await, Hand::of(&broker).await);
    let client = node.client();
    let id = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    assert!(hand.add_field(&id, FIELD.0, FIELD.1).await);
    assert_eq!(client.patch(&id, &json!({ "metadata": { "a": "b" } })).await.status, 200);
    let changed = hand.record(&id).await;
    assert_eq!((&changed["metadata"]["a"], &changed[FIELD.0]), (&json!("b"), &json!(FIELD.1)));
    client.send(Method::POST, &format!("/timer/{id}/fire"), &[], "").await;
    client.until(&id, "delivered").await;
    let delivered = hand.record(&id).await;
    assert_eq!((&delivered["state"]["name"], &delivered[FIELD.0]), (&json!("delivered"), &json!(FIELD.1)));
}
