//! Problems of a node, and of the NATS that it depends on.

use async_nats::jetstream;
use async_nats::jetstream::consumer::pull;
use expect_test::expect;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::check;
use crate::support::{Broker, Node, eventually, plain_http};

const UNKNOWN: &str = "/timer/0198c0de-0000-7000-8000-000000000001";

#[tokio::test]
async fn what_is_switched_off_says_so() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--index-limit", "0"]).await;
    let client = node.client();
    check(&client, Method::GET, "/timers", &[], "", expect![[r#"
        503
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "this node keeps no index of timers (--index-limit 0), so it cannot list, count or cancel by filter",
          "request_id": "<id>",
          "status": 503,
          "title": "Lists are off",
          "type": "urn:jettimer:problem:index-off"
        }
    "#]]).await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_and_a_nats_that_is_away_are_told_apart() {
    let mut broker = Broker::start().await;
    let node = Node::with(&broker, &["--request-timeout", "1s"]).await;
    let client = node.client();
    let subject = format!("$KV.timers.{}", UNKNOWN.trim_start_matches("/timer/"));
    broker.client().await.request(subject, "{}".into()).await.expect("it is stored");
    check(
        &client,
        Method::GET,
        UNKNOWN,
        &[],
        "",
        expect![[r#"
        500
        content-type: application/problem+json
        cache-control: no-store

        {
          "detail": "the record of timer <id> cannot be read: missing field `v` at line 1 column 2",
          "request_id": "<id>",
          "status": 500,
          "title": "Unreadable record",
          "type": "urn:jettimer:problem:unreadable-record"
        }
    "#]],
    )
    .await;
    broker.kill().await;
    check(&client, Method::GET, UNKNOWN, &[], "", expect![[r#"
        503
        content-type: application/problem+json
        cache-control: no-store
        retry-after: 2

        {
          "detail": "NATS did not take the request: not connected to any NATS server. The request may or may not have been carried out; it is safe to send it again, a creation with the same Idempotency-Key",
          "request_id": "<id>",
          "status": 503,
          "title": "NATS is not available",
          "type": "urn:jettimer:problem:unavailable"
        }
    "#]]).await;
}

#[tokio::test]
async fn a_store_without_room_for_a_timer_says_so() {
    let config = |text: String| text.replace("jetstream {", "jetstream {\n    max_file_store: 200000");
    let broker = Broker::configured(|_, text| config(text)).await;
    let node = Node::start(&broker).await;
    let client = node.client();
    eventually("it knows how much room there is", async || {
        let ready = client.send(Method::GET, "/readyz", &[], "").await;
        (ready.json["storage"] == "enough").then_some(())
    })
    .await;
    let large = json!({ "delay": "1h", "url": "http://localhost/", "body_text": "x".repeat(240_000) });
    check(&client, Method::POST, "/timer", &[], &large.to_string(), expect![[r#"
        503
        content-type: application/problem+json
        cache-control: no-store
        retry-after: 30

        {
          "detail": "JetStream has no room beyond what is reserved for existing timers: it can still store <size> MiB, of which <size> MiB are reserved for these, and nodes share the rest. It is safe to send the request again later; to make room, raise the storage limit or cancel timers",
          "request_id": "<id>",
          "status": 503,
          "title": "No room for new timers",
          "type": "urn:jettimer:problem:storage-full"
        }
    "#]]).await;
}

#[tokio::test]
async fn a_feed_has_so_many_readers_and_no_more() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let readers =
        (0..jettimer::api::MAX_READERS).map(|_| plain_http().get(client.url("/timers/events")).send());
    let readers = join_all(readers).await;
    assert!(readers.iter().all(|reader| reader.as_ref().is_ok_and(|reader| reader.status() == 200)));
    check(
        &client,
        Method::GET,
        "/timers/events",
        &[],
        "",
        expect![[r#"
        503
        content-type: application/problem+json
        cache-control: no-store
        retry-after: 2

        {
          "detail": "256 readers already follow this node's feed; use another node, or try again later",
          "request_id": "<id>",
          "status": 503,
          "title": "Feed full",
          "type": "urn:jettimer:problem:feed-full"
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn an_index_that_is_not_filled_yet_says_so() {
    let broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    node.kill().await;
    // The bucket allows one consumer, and that exists already, so no index can be filled from it.
    let context = jetstream::new(broker.client().await);
    let bucket = context.get_stream("KV_timers").await.expect("the bucket");
    let config = jetstream::stream::Config { max_consumers: 1, ..bucket.cached_info().config.clone() };
    context.delete_stream("KV_timers").await.expect("it is deleted");
    let bucket = context.create_stream(config).await.expect("it is created");
    let durable = pull::Config { durable_name: Some("taken".to_owned()), ..pull::Config::default() };
    bucket.create_consumer(durable).await.expect("a consumer");
    let node = Node::start(&broker).await;
    check(
        &node.client(),
        Method::GET,
        "/timers/counts",
        &[],
        "",
        expect![[r#"
        503
        content-type: application/problem+json
        cache-control: no-store
        retry-after: 2

        {
          "detail": "this node is still reading the timers for its index",
          "request_id": "<id>",
          "status": 503,
          "title": "Index not ready",
          "type": "urn:jettimer:problem:index-not-ready"
        }
    "#]],
    )
    .await;
    // A creation of one timer does not need the index.
    assert_eq!(node.client().post(&json!({ "delay": "1h", "url": "http://localhost/" })).await.status, 201);
}
