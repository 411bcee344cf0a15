//! Streams that are wiped, removed, recreated or restored while nodes run, or while no node does.

use serde_json::{Value, json};

use crate::support::jetstream::{Hand, found, metric, until_found, until_swept};
use crate::support::{Broker, Node, Sink, eventually, in_millis};
use crate::sweep_timers::{OFTEN, until_sweeper};

#[tokio::test]
async fn the_stream_of_wakes_is_rebuilt_by_nodes_that_run_though_it_is_removed_under_load() {
    let broker = Broker::start().await;
    let one = Node::with(&broker, &OFTEN).await;
    let other = Node::with(&broker, &OFTEN).await;
    let sink = Sink::start().await;
    let hand = Hand::of(&broker).await;
    let client = one.client();
    let mut ids = Vec::new();
    for n in 0..400_u64 {
        let at = in_millis(1_000 + n * 10);
        ids.push(client.create(&json!({ "at": at, "url": sink.url("/slow/20") })).await);
    }
    let far = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    sink.until(50).await;
    hand.delete_stream("TIMERS").await;
    // A creation meanwhile waits or is told to come again, and every promised timer is kept.
    for _ in 0..20 {
        let reply = client.post(&json!({ "seconds": 1, "url": sink.url("/ok") })).await;
        assert!([201, 503].contains(&reply.status), "{reply:?}");
        if reply.status == 201 {
            ids.push(reply.json["id"].as_str().unwrap().to_owned());
        }
    }
    for id in &ids {
        other.client().until(id, "delivered").await;
    }
    eventually("the one that waits is armed", async || {
        hand.has("TIMERS", &format!("timers.schedule.{far}.*")).await.then_some(())
    })
    .await;
    let counts = sink.counts();
    assert!(counts.values().all(|count| *count == 1), "a receiver was called twice");
    let missing = found(&one.client(), "wakes_missing").await + found(&other.client(), "wakes_missing").await;
    assert!(missing >= 1.0);
}

#[tokio::test]
async fn the_consumer_is_made_again_by_nodes_that_run() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &OFTEN).await;
    until_sweeper(&node).await;
    let sink = Sink::start().await;
    let hand = Hand::of(&broker).await;
    hand.done("CONSUMER.DELETE.TIMERS.workers", &Value::Null).await;
    until_found(&node.client(), "consumer_missing", 1.0).await;
    let id = node.client().create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    node.client().until(&id, "delivered").await;
    assert_eq!(sink.hits_of(&id).len(), 1);
}

#[tokio::test]
async fn the_bucket_of_the_sweep_is_created_again_while_the_node_stays_ready() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &OFTEN).await;
    until_sweeper(&node).await;
    let (sink, hand, client) = (Sink::start().await, Hand::of(&broker).await, node.client());
    hand.delete_stream("KV_timers_sweep").await;
    let ready = client.send(reqwest::Method::GET, "/readyz", &[], "").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    let id = client.create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    client.until(&id, "delivered").await;
    until_found(&client, "sweep_missing", 1.0).await;
    assert!(hand.ask("STREAM.INFO.KV_timers_sweep", &Value::Null).await["error"].is_null());
}

#[tokio::test]
async fn a_stream_that_is_recreated_empty_while_no_node_runs_is_filled_again() {
    let broker = Broker::start().await;
    let hand = Hand::of(&broker).await;
    let first = Node::with(&broker, &OFTEN).await;
    until_swept(&first.client(), 1.0).await;
    let sink = Sink::start().await;
    let id = first.client().create(&json!({ "seconds": 8, "url": sink.url("/ok") })).await;
    first.terminate();
    let mut first = first;
    assert_eq!(first.exit_code().await, Some(0));
    let config = hand.done("STREAM.INFO.TIMERS", &Value::Null).await["config"].clone();
    hand.delete_stream("TIMERS").await;
    hand.done("STREAM.CREATE.TIMERS", &config).await;
    let node = Node::with(&broker, &OFTEN).await;
    until_found(&node.client(), "wakes_missing", 1.0).await;
    until_found(&node.client(), "unarmed", 1.0).await;
    node.client().until(&id, "delivered").await;
    assert_eq!(sink.hits_of(&id).len(), 1);
}

#[tokio::test]
async fn an_older_backup_of_the_wakes_loses_no_timer_and_calls_none_twice() {
    let broker = Broker::start().await;
    let hand = Hand::of(&broker).await;
    let mut node = Node::with(&broker, &OFTEN).await;
    let sink = Sink::start().await;
    let client = node.client();
    let at = in_millis(8_000);
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(client.create(&json!({ "at": at, "url": sink.url("/ok") })).await);
    }
    // The timer waits in the backup, and is called before the restore.
    let called = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    let backup = hand.back_up("TIMERS").await;
    let fired = client.send(reqwest::Method::POST, &format!("/timer/{called}/fire"), &[], "").await;
    assert_eq!(fired.status, 202);
    client.until(&called, "delivered").await;
    for _ in 0..20 {
        ids.push(client.create(&json!({ "at": at, "url": sink.url("/ok") })).await);
    }
    // The restore follows docs/nats.md.
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
    hand.delete_stream("TIMERS").await;
    hand.restore(&backup).await;
    let node = Node::with(&broker, &OFTEN).await;
    let client = node.client();
    for id in &ids {
        client.until(id, "delivered").await;
    }
    assert_eq!(sink.counts().len(), 41);
    assert!(sink.counts().values().all(|count| *count == 1), "a receiver was called twice");
}

#[tokio::test]
async fn a_bucket_that_is_gone_is_an_outage_that_is_reported_and_is_not_made_again() {
    let broker = Broker::start().await;
    let hand = Hand::of(&broker).await;
    let node = Node::with(&broker, &OFTEN).await;
    until_sweeper(&node).await;
    node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let backup = hand.back_up("KV_timers").await;
    hand.delete_stream("KV_timers").await;
    until_found(&node.client(), "bucket_missing", 1.0).await;
    let said = node.logged("ERROR");
    assert!(
        said.iter().any(|line| line["error"].as_str().unwrap_or("").contains("restore it from a backup"))
    );
    let ready = node.client().send(reqwest::Method::GET, "/readyz", &[], "").await;
    assert_eq!(ready.status, 503, "{ready:?}");
    let reply = node.client().post(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    assert_eq!(reply.status, 503);
    // A node that starts does not create it either.
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_jettimer"))
        .args(["serve", "--listen", "127.0.0.1:0", "--insecure-no-auth", "--nats-wait", "1s"])
        .args(broker.args("node"))
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("the bucket timers"), "{text}");
    assert_eq!(hand.ask("STREAM.INFO.KV_timers", &Value::Null).await["error"]["code"], 404);
    // After the restore everything goes on without a restart.
    hand.restore(&backup).await;
    eventually("it is ready again", async || {
        let ready = node.client().send(reqwest::Method::GET, "/readyz", &[], "").await;
        (ready.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_older_backup_of_the_bucket_is_said_and_what_is_in_it_is_armed() {
    let broker = Broker::start().await;
    let hand = Hand::of(&broker).await;
    let mut node = Node::with(&broker, &OFTEN).await;
    until_swept(&node.client(), 1.0).await;
    let sink = Sink::start().await;
    let client = node.client();
    let kept = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    let called = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    let backup = hand.back_up("KV_timers").await;
    let fired = client.send(reqwest::Method::POST, &format!("/timer/{called}/fire"), &[], "").await;
    assert_eq!(fired.status, 202);
    client.until(&called, "delivered").await;
    let mut lost = Vec::new();
    for _ in 0..3 {
        lost.push(client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await);
    }
    until_swept(&client, 2.0).await;
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
    for stream in ["KV_timers", "TIMERS"] {
        hand.delete_stream(stream).await;
    }
    hand.restore(&backup).await;
    let node = Node::with(&broker, &OFTEN).await;
    let client = node.client();
    until_found(&client, "bucket_turned_back", 1.0).await;
    for id in [&kept, &called] {
        eventually("it is armed", async || {
            hand.has("TIMERS", &format!("timers.schedule.{id}.*")).await.then_some(())
        })
        .await;
    }
    // Three created timers are missing, and one that was over waits again.
    eventually("the ledger knows", async || {
        (metric(&client, "jettimer_ledger_imbalance").await == 2.0).then_some(())
    })
    .await;
    // The service goes on from there.
    let next = client.create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    client.until(&next, "delivered").await;
    until_swept(&client, 3.0).await;
    assert_eq!(metric(&client, "jettimer_ledger_imbalance").await, 2.0);
    assert_eq!(sink.hits_of(&next).len(), 1);
}

#[tokio::test]
async fn another_node_sweeps_when_the_one_that_does_is_killed() {
    let broker = Broker::start().await;
    let hand = Hand::of(&broker).await;
    let mut one = Node::with(&broker, &OFTEN).await;
    until_sweeper(&one).await;
    let other = Node::with(&broker, &OFTEN).await;
    let sink = Sink::start().await;
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(other.client().create(&json!({ "seconds": 20, "url": sink.url("/ok") })).await);
    }
    hand.purge("TIMERS", "timers.schedule.>").await;
    one.kill().await;
    until_sweeper(&other).await;
    for id in &ids {
        other.client().until(id, "delivered").await;
    }
    assert!(sink.counts().values().all(|count| *count == 1), "a receiver was called twice");
}
