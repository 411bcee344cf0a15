//! A node examines its bucket when NATS comes back: it is another bucket, has older data, or is the same.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::founding::until_remembered;
use crate::support::jetstream::{Hand, metric, until_swept};
use crate::support::{Broker, Client, Node, Sink, eventually, in_millis};

const STREAMS: [&str; 3] = ["KV_timers", "TIMERS", "KV_timers_sweep"];

/// The arguments of a node whose sweeps leave marks often, and that has this journal.
fn often(journal: &str) -> [&str; 6] {
    ["--sweep-interval", "1s", "--sweep-grace", "1s", "--journal-dir", journal]
}

async fn create(client: &Client, count: usize, timer: Value) -> Vec<String> {
    join_all((0..count).map(|_| client.create(&timer))).await
}

#[tokio::test]
async fn a_bucket_that_was_made_again_is_not_judged_by_what_the_one_before_had() {
    let mut broker = Broker::start().await;
    let journal = tempfile::tempdir().unwrap();
    let args = often(journal.path().to_str().unwrap());
    let (sink, hand) = (Sink::start().await, Hand::of(&broker).await);
    let mut first = Node::with(&broker, &args).await;
    create(&first.client(), 200, json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    until_swept(&first.client(), 2.0).await;
    until_remembered(&journal.path().join("high-water.json")).await;
    first.terminate();
    first.exit_code().await;
    for stream in STREAMS {
        hand.delete_stream(stream).await;
    }
    // Another node, which remembers nothing, creates the streams.
    let mut other = Node::start(&broker).await;
    other.terminate();
    other.exit_code().await;

    let node = Node::with(&broker, &args).await;
    let client = node.client();
    eventually("it is seen to be another bucket", async || {
        let turned = metric(&client, "jettimer_bucket_turned_total{how=\"other\"}").await;
        (turned == 1.0).then_some(())
    })
    .await;
    let ids = create(&client, 40, json!({ "at": in_millis(6_000), "url": sink.url("/ok") })).await;
    until_swept(&client, 2.0).await;
    // Timers have to have come due while the node was in contact, or the sequences of the old bucket do not matter.
    sink.until(ids.len() / 2).await;
    broker.restart().await;
    for id in &ids {
        client.until(id, "delivered").await;
    }
    assert!(sink.counts().values().all(|count| *count == 1));
    assert_eq!(metric(&client, "jettimer_timers_restored_total").await, 0.0);
}

#[tokio::test]
async fn a_timer_that_is_created_after_a_restore_is_called_though_its_number_was_used_before() {
    let mut broker = Broker::start().await;
    let journal = tempfile::tempdir().unwrap();
    let node = Node::with(&broker, &often(journal.path().to_str().unwrap())).await;
    let (client, sink) = (node.client(), Sink::start().await);
    create(&client, 20, json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    let called = create(&client, 20, json!({ "at": in_millis(4_000), "url": sink.url("/ok") })).await;
    broker.back_up();
    sink.until(called.len()).await;
    // These changes have to be older than those that a killed server may lose.
    create(&client, 20, json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    until_swept(&client, 1.0).await;

    broker.restore().await;
    // This timer was due before the restore, but it is new.
    let past = jettimer::foundation::clock::Clock::OF_THE_WORLD.now().saturating_sub(Duration::from_secs(2));
    let past = json!({ "at": jettimer::foundation::rfc3339::format(past), "url": sink.url("/ok") });
    for id in create(&client, 10, past).await {
        client.until(&id, "delivered").await;
    }
    until_swept(&client, 2.0).await;
    for id in &called {
        assert_eq!(client.get(id).await["state"], "unknown", "it was called before");
        assert_eq!(sink.hits_of(id).len(), 1);
    }
}

#[tokio::test]
async fn a_timer_that_a_sweep_saw_waiting_and_that_was_called_since_is_not_called_again_after_a_restore() {
    let mut broker = Broker::start().await;
    let journal = tempfile::tempdir().unwrap();
    let args = [&often(journal.path().to_str().unwrap())[..], &["--max-calls-per-receiver", "1"]].concat();
    let node = Node::with(&broker, &args).await;
    let (client, sink) = (node.client(), Sink::start().await);
    create(&client, 1, json!({ "delay": "0s", "url": sink.url("/hang") })).await;
    sink.until(1).await;
    let waiting = create(&client, 5, json!({ "delay": "0s", "url": sink.url("/ok") })).await;
    broker.back_up();
    // These changes have to be older than those that a killed server may lose.
    create(&client, 20, json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    until_swept(&client, 2.0).await;
    sink.release();
    for id in &waiting {
        client.until(id, "delivered").await;
    }
    broker.restore().await;
    for id in &waiting {
        client.until(id, "unknown").await;
        assert_eq!(sink.hits_of(id).len(), 1);
    }
}

#[tokio::test]
async fn a_key_that_is_used_again_keeps_what_its_first_timer_gave_up() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--retention", "1s"]).await;
    let (client, hand) = (node.client(), Hand::of(&broker).await);
    let create = async |minutes: u32| {
        let body = json!({ "minutes": minutes, "url": "http://localhost/" }).to_string();
        client.send(reqwest::Method::POST, "/timer", &[("idempotency-key", "k")], &body).await
    };
    let first = create(50).await;
    let (id, due) = (first.json["id"].as_str().unwrap().to_owned(), first.json["due_at"].clone());
    assert_eq!(client.cancel(&id).await.status, 200);
    crate::support::eventually("the first timer is no longer shown", async || {
        let reply = client.send(reqwest::Method::GET, &format!("/timer/{id}"), &[], "").await;
        (reply.status == 404).then_some(())
    })
    .await;
    let second = create(20).await;
    assert_eq!((second.status, second.json["id"].as_str()), (201, Some(id.as_str())));
    assert_eq!(hand.record(&id).await["gave_up_at"], due);
}

#[tokio::test]
async fn a_mark_speaks_of_timers_that_were_the_newest_of_the_bucket_and_have_left() {
    let broker = Broker::start().await;
    let args = ["--retention", "1s", "--sweep-interval", "1s", "--sweep-grace", "1s"];
    let node = Node::with(&broker, &args).await;
    let (client, hand) = (node.client(), Hand::of(&broker).await);
    let sink = Sink::start().await;
    let far = create(&client, 3, json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    create(&client, 3, json!({ "at": in_millis(200), "url": sink.url("/ok") })).await;
    crate::support::eventually("the timers that were called have left", async || {
        (hand.count("KV_timers", "$KV.timers.*").await == 3).then_some(())
    })
    .await;
    // The marker of a record that was removed by hand does not count as a record.
    hand.delete_record(&far[0]).await;

    let last = hand.done("STREAM.INFO.KV_timers", &Value::Null).await["state"]["last_seq"].clone();
    until_swept(&client, 1.0).await;
    let first = hand.mark().await;
    assert_eq!(first["seq"], last);
    // Nothing is written from now on, but later sweeps still count.
    until_swept(&client, 2.0).await;
    let second = hand.mark().await;
    assert_eq!(second["seq"], last);
    assert!(second["upto"].as_str() > first["upto"].as_str(), "{first} {second}");
}
