//! A callback tells once how a timer ended, whichever process died in between.

use serde_json::{Value, json};

use crate::support::{Broker, Node, Sink, eventually};

/// Waits for the event at a path, and returns it.
async fn event(sink: &Sink, path: &str) -> Value {
    let hit = eventually(&format!("a callback at {path}"), async || {
        sink.hits().into_iter().find(|hit| hit.path == path)
    })
    .await;
    assert_eq!(hit.headers["content-type"], "application/cloudevents+json");
    serde_json::from_slice(&hit.body).expect("JSON")
}

#[tokio::test]
async fn each_end_has_its_own_callback() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let callbacks = |path: &str| {
        json!({ "seconds": 0, "url": sink.url(path), "metadata": { "order": "4711" },
                "on_delivered": sink.url("/delivered"), "on_failed": sink.url("/failed") })
    };
    let id = client.create(&callbacks("/ok")).await;
    let told = event(&sink, "/delivered").await;
    assert_eq!((&told["specversion"], &told["type"]), (&json!("1.0"), &json!("jettimer.timer.delivered")));
    assert_eq!((&told["subject"], &told["data"]["id"]), (&json!(id), &json!(id)));
    assert_eq!(told["data"]["metadata"]["order"], "4711");
    assert_eq!(told["data"]["last_attempt"]["status"], 200);
    // The callback is a timer of its own, with the event's id, and has no callback itself.
    let callback = client.until(told["id"].as_str().unwrap(), "delivered").await;
    assert_eq!(callback["metadata"]["callback_of"], json!(id));
    assert!(callback["on_delivered"].is_null());

    let id = client.create(&callbacks("/status/404")).await;
    let told = event(&sink, "/failed").await;
    assert_eq!((&told["type"], &told["subject"]), (&json!("jettimer.timer.failed"), &json!(id)));
    assert_eq!(told["data"]["reason"], "the receiver answered 404");

    // One URL serves both ends, and a change removes it from one. A client that cancels knows the end already.
    let both = json!({ "delay": "1h", "url": sink.url("/ok"), "callback": sink.url("/both") });
    let id = client.create(&both).await;
    client.patch(&id, &json!({ "on_delivered": null })).await;
    let timer = client.get(&id).await;
    assert!(timer["on_delivered"].is_null() && timer["on_failed"] == json!(sink.url("/both")), "{timer}");
    let reply = client.patch(&id, &json!({ "callback": sink.url("/a"), "on_failed": sink.url("/b") })).await;
    assert_eq!((reply.status, reply.pointers()), (422, vec!["/callback"]));
    client.cancel(&id).await;
    let fired = client.create(&json!({ "seconds": 0, "url": sink.url("/last") })).await;
    client.until(&fired, "delivered").await;
    assert!(sink.hits().iter().all(|hit| hit.path != "/both"));
}

#[tokio::test]
async fn a_callback_that_fails_is_tried_again_and_is_the_same_one() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--retry-initial-backoff", "10ms"]).await;
    let sink = Sink::start().await;
    let client = node.client();
    let told = sink.url("/status/503/times/2");
    client.create(&json!({ "seconds": 0, "url": sink.url("/ok"), "on_delivered": told })).await;
    let hits = sink.until(4).await;
    let callbacks: Vec<_> = hits.iter().filter(|hit| hit.path != "/ok").collect();
    assert_eq!(callbacks.len(), 3);
    assert!(callbacks.iter().all(|hit| hit.id == callbacks[0].id && hit.body == callbacks[0].body));
}

#[tokio::test]
async fn the_end_of_a_timer_whose_worker_was_killed_is_told_by_another() {
    let broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    let sink = Sink::start().await;
    // Longer than a busy machine takes to kill the node: a call that has timed out by itself has an outcome.
    let timer =
        json!({ "seconds": 0, "url": sink.url("/hang"), "timeout": "3s", "callback": sink.url("/told") });
    let id = node.client().create(&timer).await;
    sink.until(1).await;
    node.kill().await;
    let other = Node::start(&broker).await;
    let told = event(&sink, "/told").await;
    assert_eq!((&told["type"], &told["subject"]), (&json!("jettimer.timer.unknown"), &json!(id)));
    other.client().until(&id, "unknown").await;
}
