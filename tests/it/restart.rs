//! Timers survive when node and nats-server are killed, time passes, and both come back.

use serde_json::json;

use crate::support::{Broker, Node, Sink, eventually, in_millis, micros_of, now_micros};

#[tokio::test]
async fn overdue_timers_fire_at_once_after_a_restart_and_the_others_on_time() {
    let mut broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let mut due = std::collections::HashMap::new();
    let (soon, late) = (in_millis(8_000), in_millis(13_000));
    for n in 0..200 {
        // Half of the timers come due while both processes are dead.
        let at = if n % 2 == 0 { &soon } else { &late };
        let reply = node.client().post(&json!({ "at": at, "url": sink.url("/ok") })).await;
        due.insert(reply.json["id"].as_str().unwrap().to_owned(), micros_of(&reply.json["due_at"]));
    }
    node.kill().await;
    broker.kill().await;
    let soon = micros_of(&soon.into());
    assert!(now_micros() < soon, "the machine is too slow for this test's delays");
    eventually("the first half is overdue", async || (now_micros() > soon + 500_000).then_some(())).await;
    assert!(sink.hits().is_empty());

    broker.restart().await;
    let node = Node::start(&broker).await;
    for hit in sink.until(200).await {
        assert!(hit.at >= due[&hit.id], "early");
    }
    for id in due.keys() {
        node.client().until(id, "delivered").await;
    }
    assert_eq!(sink.counts().len(), 200);
    assert!(sink.counts().values().all(|count| *count == 1));
}
