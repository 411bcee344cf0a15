//! Timers that lose their wakes: a sweep finds each and wakes it again, and it is called as often as promised.

use serde_json::json;

use crate::support::jetstream::{Hand, found, metric, until_found, until_swept};
use crate::support::{Broker, Node, Sink, eventually, in_millis, micros_of};

/// The arguments of a node that sweeps once a second.
pub(crate) const OFTEN: [&str; 4] = ["--sweep-interval", "1s", "--sweep-grace", "1s"];

/// The same arguments, for a node with only this role.
fn often(role: &str) -> Vec<&str> {
    OFTEN.into_iter().chain(["--role", role]).collect()
}

#[tokio::test]
async fn a_timer_whose_schedule_is_removed_is_armed_again_and_called_once_and_not_early() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &OFTEN).await;
    let sink = Sink::start().await;
    let hand = Hand::of(&broker).await;
    let at = in_millis(6_000);
    let soon = node.client().create(&json!({ "at": at, "url": sink.url("/ok") })).await;
    let late = node.client().create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    for id in [&soon, &late] {
        assert_eq!(hand.purge("TIMERS", &format!("timers.schedule.{id}.*")).await, 1);
    }
    until_found(&node.client(), "unarmed", 2.0).await;
    assert!(hand.has("TIMERS", &format!("timers.schedule.{late}.*")).await);
    node.client().until(&soon, "delivered").await;
    let hits = sink.hits_of(&soon);
    assert_eq!(hits.len(), 1);
    assert!(hits[0].at >= micros_of(&at.into()), "it was early");
    // A repaired timer no longer counts as a finding.
    until_swept(&node.client(), 2.0).await;
    assert_eq!(found(&node.client(), "unarmed").await, 2.0);
    assert_eq!(found(&node.client(), "overdue").await, 0.0);
}

/// A page of records has at most 4 MiB.
#[tokio::test]
async fn records_that_are_too_large_for_one_page_are_all_swept() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &OFTEN).await;
    let (client, hand) = (node.client(), Hand::of(&broker).await);
    let large = json!({ "delay": "1h", "url": "http://127.0.0.1:8080/", "body_text": "x".repeat(200_000) });
    let mut ids = vec![];
    for _ in 0..30 {
        ids.push(client.create(&large).await);
    }
    assert_eq!(hand.purge("TIMERS", "timers.schedule.*.*").await, 30);
    until_found(&client, "unarmed", 30.0).await;
    for id in &ids {
        assert!(hand.has("TIMERS", &format!("timers.schedule.{id}.*")).await);
    }
    until_swept(&client, 2.0).await;
    assert_eq!(found(&client, "unarmed").await, 30.0);
}

#[tokio::test]
async fn a_timer_that_is_overdue_without_a_wake_is_called_once() {
    let broker = Broker::start().await;
    // No worker runs yet, so that the wake stays where the test can remove it, and no node sweeps before that.
    let api = Node::with(&broker, &["--role", "api", "--sweep-interval", "1h"]).await;
    until_swept_once(&api).await;
    let sink = Sink::start().await;
    let hand = Hand::of(&broker).await;
    let id = api.client().create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    assert_eq!(hand.purge("TIMERS", &format!("timers.fire.{id}")).await, 1);
    api.terminate();
    let worker = Node::with(&broker, &OFTEN).await;
    worker.client().until(&id, "delivered").await;
    let client = worker.client();
    assert_eq!(found(&client, "overdue").await + found(&client, "unarmed").await, 1.0);
    until_swept(&client, 2.0).await;
    assert_eq!(sink.hits_of(&id).len(), 1);
}

#[tokio::test]
async fn a_timer_whose_due_wake_was_settled_and_stayed_on_the_queue_is_called() {
    let broker = Broker::start().await;
    let api = Node::with(&broker, &["--role", "api", "--sweep-interval", "1h"]).await;
    until_swept_once(&api).await;
    let sink = Sink::start().await;
    let hand = Hand::of(&broker).await;
    let id = api.client().create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    hand.pass_over_wakes().await;
    let wake = format!("timers.fire.{id}");
    assert_eq!((hand.count("TIMERS", &wake).await, hand.wakes_to_give().await), (1, 0));
    api.terminate();
    let worker = Node::with(&broker, &OFTEN).await;
    worker.client().until(&id, "delivered").await;
    until_swept(&worker.client(), 2.0).await;
    assert_eq!((sink.hits_of(&id).len(), hand.count("TIMERS", &wake).await), (1, 0));
}

#[tokio::test]
async fn a_claim_without_a_wake_comes_to_its_end_without_a_second_call() {
    let broker = Broker::start().await;
    let api = Node::with(&broker, &often("api")).await;
    until_sweeper(&api).await;
    let mut worker = Node::with(&broker, &often("worker")).await;
    let sink = Sink::start().await;
    let hand = Hand::of(&broker).await;
    let once = json!({ "seconds": 0, "url": sink.url("/hang"), "timeout": "1s" });
    let least =
        json!({ "seconds": 0, "url": sink.url("/hang"), "timeout": "1s", "delivery": "at_least_once" });
    let (once, least) = (api.client().create(&once).await, api.client().create(&least).await);
    sink.until(2).await;
    worker.kill().await;
    for id in [&once, &least] {
        hand.purge("TIMERS", &format!("timers.*.{id}")).await;
    }
    until_found(&api.client(), "unwatched", 2.0).await;
    sink.release();
    let worker = Node::with(&broker, &often("worker")).await;
    api.client().until(&once, "unknown").await;
    api.client().until(&least, "delivered").await;
    assert_eq!((sink.hits_of(&once).len(), sink.hits_of(&least).len()), (1, 2));
    drop(worker);
}

#[tokio::test]
async fn nothing_is_found_where_nothing_is_wrong() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &[&OFTEN[..], &["--max-calls-per-receiver", "1"]].concat()).await;
    let sink = Sink::start().await;
    let client = node.client();
    // Waiting, moved in both directions, called, failing and retried, postponed for lack of room, cancelled.
    let waiting = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    assert_eq!(client.patch(&waiting, &json!({ "delay": "3h" })).await.status, 200);
    assert_eq!(client.patch(&waiting, &json!({ "delay": "2h" })).await.status, 200);
    let retry = json!({ "max_attempts": 3, "initial_backoff": "4s" });
    let failing =
        json!({ "seconds": 0, "url": sink.url("/status/500"), "delivery": "at_least_once", "retry": retry });
    client.create(&failing).await;
    let cancelled = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    assert_eq!(client.cancel(&cancelled).await.status, 200);
    let mut slow = Vec::new();
    for _ in 0..8 {
        slow.push(client.create(&json!({ "seconds": 1, "url": sink.url("/slow/900") })).await);
    }
    until_swept(&client, 4.0).await;
    for id in &slow {
        client.until(id, "delivered").await;
    }
    until_swept(&client, 2.0).await;
    for finding in ["overdue", "unarmed", "unwatched", "untold", "orphan"] {
        assert_eq!(found(&client, finding).await, 0.0, "{finding}");
    }
}

/// Waits until a node is the sweeper.
pub(crate) async fn until_sweeper(node: &Node) {
    eventually("it is the sweeper", async || {
        (metric(&node.client(), "jettimer_sweeper").await == 1.0).then_some(())
    })
    .await;
}

/// Waits until the first sweep of a node is over. With a long interval it makes no other.
pub(crate) async fn until_swept_once(node: &Node) {
    until_sweeper(node).await;
    let client = node.client();
    eventually("it has swept", async || {
        (metric(&client, "jettimer_sweep_last_timestamp_seconds").await > 0.0).then_some(())
    })
    .await;
}
