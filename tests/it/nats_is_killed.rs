//! SIGKILL and restart of nats-server in the middle of a burst, and a pause longer than leases.

use serde_json::json;

use crate::support::{Broker, Node, Sink, eventually, in_millis, micros_of, now_micros};

const TIMERS: usize = 2_000;

#[tokio::test]
async fn no_timer_is_lost_and_none_called_twice() {
    let mut broker = Broker::start().await;
    let one = Node::start(&broker).await;
    let _other = Node::start(&broker).await;
    let sink = Sink::start().await;
    let at = in_millis(6_000);
    let mut ids = Vec::with_capacity(TIMERS);
    for _ in 0..TIMERS {
        ids.push(one.client().create(&json!({ "at": at, "url": sink.url("/slow/20") })).await);
    }
    sink.until(TIMERS / 8).await;
    broker.kill().await;
    broker.restart().await;
    for id in &ids {
        // No worker died, so every outcome is known.
        one.client().until(id, "delivered").await;
    }
    let counts = sink.counts();
    assert_eq!(counts.len(), TIMERS);
    assert!(counts.values().all(|count| *count == 1), "a receiver was called twice");
}

#[tokio::test]
async fn a_pause_that_is_longer_than_a_lease_leaves_nothing_unknown() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let _other = Node::start(&broker).await;
    let sink = Sink::start().await;
    let at = in_millis(3_000);
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(node.client().create(&json!({ "at": at, "url": sink.url("/ok"), "timeout": "2s" })).await);
    }
    // Both nodes hold timers by now. Their claims get stuck for longer than the timeout of 2 s and the margin of 15 s.
    let due = micros_of(&at.into());
    eventually("they are almost due", async || (now_micros() > due - 200_000).then_some(())).await;
    broker.pause();
    eventually("the leases are over", async || (now_micros() > due + 18_500_000).then_some(())).await;
    assert!(sink.hits().is_empty());
    broker.resume();
    for id in &ids {
        node.client().until(id, "delivered").await;
    }
    assert_eq!(sink.counts().len(), 20);
    assert!(sink.counts().values().all(|count| *count == 1));
}
