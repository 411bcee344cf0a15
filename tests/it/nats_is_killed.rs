//! SIGKILL and restart of nats-server in the middle of a burst.

use serde_json::json;

use crate::support::{Broker, Node, Sink, in_millis};

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
