//! A reader of the feed hears no event twice, and is told of a gap if it can no longer hear some events.

use std::collections::HashSet;

use async_nats::jetstream;
use reqwest::Method;
use serde_json::{Value, json};

use crate::feed::Reader;
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
async fn a_reader_hears_of_events_that_are_no_longer_kept() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--retention", "1s", "--sweep-interval", "1s"]).await;
    let client = node.client();
    let sink = Sink::start().await;
    let removed = client.create(&json!({ "seconds": 0, "url": sink.url("/status/404") })).await;
    client.until(&removed, "failed").await;
    client.create(&timer()).await;
    // The event of the end leaves with the record, from between the others: created, firing, failed, created.
    let context = jetstream::new(broker.client().await);
    eventually("the event has left", async || {
        let stream = context.get_stream("TIMERS_EVENTS").await.expect("the stream");
        (stream.cached_info().state.messages == 3).then_some(())
    })
    .await;
    let mut reader = Reader::open(&client, "", Some("2")).await;
    assert_eq!(reader.next().await.0, "open");
    let gap = reader.next().await;
    assert_eq!(gap, ("gap".to_owned(), json!({ "reason": "events 3 to 3 are no longer kept" })));
    assert_eq!(reader.last, "3");
    assert_eq!((reader.next().await.0.as_str(), reader.last.as_str()), ("created", "4"));
    // The same at the beginning of the feed: no reader is told that it has heard everything.
    let stream = context.get_stream("TIMERS_EVENTS").await.expect("the stream");
    stream.purge().await.expect("it is purged");
    let mut reader = Reader::open(&client, "", Some("1")).await;
    let gap = reader.next().await;
    assert_eq!(gap, ("gap".to_owned(), json!({ "reason": "events 2 to 4 are no longer kept" })));
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
async fn a_place_in_a_feed_that_was_deleted_is_in_no_feed_that_follows() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    for _ in 0..5 {
        client.create(&timer()).await;
    }
    let context = jetstream::new(broker.client().await);
    context.delete_stream("TIMERS_EVENTS").await.expect("it is deleted");
    eventually("a node creates it again", async || context.get_stream("TIMERS_EVENTS").await.ok()).await;
    let mut timers = vec![];
    for _ in 0..8 {
        timers.push(client.create(&timer()).await);
    }
    for place in ["1", "5", "7", "13"] {
        until_told_of(&mut Reader::open(&client, "", Some(place)).await, &timers).await;
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
async fn a_feed_that_was_deleted_and_created_again_says_so() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    for _ in 0..3 {
        client.create(&timer()).await;
    }
    let mut connected = Reader::open(&client, "", None).await;
    assert_eq!(connected.next().await.0, "open");
    let context = jetstream::new(broker.client().await);
    context.delete_stream("TIMERS_EVENTS").await.expect("it is deleted");
    // A node that starts creates the missing stream.
    let other = Node::start(&broker).await;
    let id = other.client().create(&timer()).await;
    let back = Reader::open(&other.client(), "", Some("3")).await;
    for mut reader in [back, connected] {
        let (event, data) = reader.next().await;
        assert_eq!(event, "gap");
        assert!(data["reason"].as_str().unwrap().contains("started over"), "{data}");
        let (event, data) = reader.next().await;
        assert_eq!((event.as_str(), &data["id"]), ("created", &json!(id)));
    }
}

#[tokio::test]
async fn a_reader_is_told_of_events_that_nats_refuses_since_earlier_ones_are_gone() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let sink = Sink::start().await;
    let id = client.create(&json!({ "delay": "3s", "url": sink.url("/") })).await;
    let mut quiet = Reader::open(&client, "", None).await;
    assert_eq!(quiet.next().await.0, "open");
    // As if the timer had been created longer ago than events are kept.
    let context = jetstream::new(broker.client().await);
    let stream = context.get_stream("TIMERS_EVENTS").await.expect("the stream");
    stream.purge().await.expect("it is purged");
    client.until(&id, "delivered").await;
    let refused = |count| {
        let reason = format!(
            "NATS did not keep {count} events, as of timers whose earlier events are no longer kept; lists and records \
             have these changes"
        );
        ("gap".to_owned(), json!({ "reason": reason }))
    };
    // Nothing else happens, and the reader hears of `firing` and `delivered` even so.
    assert_eq!(quiet.next().await, refused(2));
    let next = client.create(&timer()).await;
    let (event, data) = quiet.next().await;
    assert_eq!((event.as_str(), &data["id"]), ("created", &json!(next)));
    let position = quiet.last.clone();
    // A reader that resumes hears of those that are refused meanwhile with the event that follows.
    let other = client.create(&json!({ "seconds": 0, "url": sink.url("/") })).await;
    client.until(&other, "delivered").await;
    client.create(&timer()).await;
    let mut resumed = Reader::open(&client, "", Some(&position)).await;
    assert_eq!(resumed.next().await.0, "open");
    let mut told = vec![];
    while told.len() < 3 {
        let (event, data) = resumed.next().await;
        told.push(if event == "gap" { data["reason"].as_str().expect("a reason").to_owned() } else { event });
    }
    assert_eq!(told[0], "created");
    assert_eq!(
        (told[1].clone(), told[2].as_str()),
        (refused(2).1["reason"].as_str().expect("text").to_owned(), "created")
    );
}

#[tokio::test]
async fn readers_of_a_feed_that_was_created_again_are_told_of_the_events_that_nats_refuses() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let sink = Sink::start().await;
    client.create(&timer()).await;
    let context = jetstream::new(broker.client().await);
    context.delete_stream("TIMERS_EVENTS").await.expect("it is deleted");
    eventually("a node creates it again", async || context.get_stream("TIMERS_EVENTS").await.ok()).await;
    client.create(&timer()).await;
    let mut reader = Reader::open(&client, "", None).await;
    assert_eq!(reader.next().await.0, "open");
    let id = client.create(&json!({ "seconds": 0, "url": sink.url("/") })).await;
    assert_eq!(reader.next().await.0, "created");
    client.until(&id, "delivered").await;
    let (event, data) = reader.next().await;
    assert_eq!(event, "gap");
    assert!(data["reason"].as_str().expect("a reason").starts_with("NATS did not keep 2 events"), "{data}");
}
