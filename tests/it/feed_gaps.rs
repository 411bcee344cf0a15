//! A reader of the feed hears no event twice, and is told of a gap if it can no longer hear some events.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::feed::Reader;
use crate::support::jetstream::Hand;
use crate::support::{Broker, Client, Node, Sink, eventually};

fn timer() -> Value {
    json!({ "delay": "1h", "url": "http://localhost/" })
}

async fn until_ready(client: &Client, status: u16) {
    eventually("the node has noticed", async || {
        (client.send(Method::GET, "/readyz", &[], "").await.status == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_has_heard_nothing_yet_hears_nothing_old_after_nats_was_away() {
    let mut broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    for _ in 0..3 {
        client.create(&timer()).await;
    }
    let mut reader = Reader::open(&client, "", None).await;
    assert_eq!(reader.next().await.0, "open");
    broker.kill().await;
    until_ready(&client, 503).await;
    broker.restart().await;
    until_ready(&client, 200).await;
    let id = client.create(&timer()).await;
    let (event, data) = reader.next().await;
    assert_eq!((event.as_str(), &data["id"]), ("created", &json!(id)));
}

#[tokio::test]
async fn a_reader_that_was_away_for_longer_than_finished_timers_are_kept_is_told() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--retention", "1s", "--sweep-interval", "1s"]).await;
    let client = node.client();
    let sink = Sink::start().await;
    let mut reader = Reader::open(&client, "", None).await;
    assert_eq!(reader.next().await.0, "open");
    let position = reader.last.clone();
    let gone = client.create(&json!({ "seconds": 0, "url": sink.url("/status/404") })).await;
    client.until(&gone, "failed").await;
    let stays = client.create(&timer()).await;
    let hand = Hand::of(&broker).await;
    eventually("the record has left", async || {
        let info = hand.done("STREAM.INFO.KV_timers", &Value::Null).await;
        (info["state"]["messages"] == 1).then_some(())
    })
    .await;
    let other = Node::with(&broker, &["--retention", "1s"]).await;
    let mut back = Reader::open(&other.client(), "", Some(&position)).await;
    let (event, data) = back.next().await;
    let reason = data["reason"].as_str().expect("a reason");
    assert!(event == "gap" && reason.contains("finished timers are kept (1s)"), "{event}: {reason}");
    let (event, data) = back.next().await;
    assert_eq!((event.as_str(), &data["id"]), ("created", &json!(stays)));
    // Nothing has happened since, so nothing can be missed, however long ago that was.
    let mut idle = Reader::open(&client, "", Some(&back.last)).await;
    assert_eq!(idle.next().await.0, "open");
}

/// Expects a gap, and then the creation of these timers, among any other events.
async fn until_told_of(reader: &mut Reader, timers: &[String]) {
    let (event, data) = reader.next().await;
    assert_eq!(event, "gap", "{data}");
    let mut left: HashSet<&str> = timers.iter().map(String::as_str).collect();
    while !left.is_empty() {
        let (event, data) = reader.next().await;
        if event == "created" {
            left.remove(data["id"].as_str().expect("an id"));
        }
    }
}

#[tokio::test]
async fn a_place_that_nats_lost_and_uses_again_is_told_as_a_gap() {
    let mut broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    client.create(&timer()).await;
    let mut connected = Reader::open(&client, "", None).await;
    assert_eq!(connected.next().await.0, "open");
    broker.back_up();
    for _ in 0..3 {
        client.create(&timer()).await;
        assert_eq!(connected.next().await.0, "created");
    }
    let last = connected.last.clone();
    broker.restore().await;
    let mut timers = vec![];
    until_ready(&client, 200).await;
    for _ in 0..6 {
        timers.push(client.create(&timer()).await);
    }
    until_told_of(&mut connected, &timers).await;
    until_told_of(&mut Reader::open(&client, "", Some(&last)).await, &timers).await;
}

#[tokio::test]
async fn a_place_beyond_the_end_of_the_feed_is_of_another_one() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let id = client.create(&timer()).await;
    let mut reader = Reader::open(&client, "", Some("5-1796083200")).await;
    let (event, data) = reader.next().await;
    assert_eq!(event, "gap");
    assert!(data["reason"].as_str().unwrap().contains("started over"), "{data}");
    let (event, data) = reader.next().await;
    assert_eq!((event.as_str(), &data["id"]), ("created", &json!(id)));
}
