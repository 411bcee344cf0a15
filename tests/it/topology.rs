//! The streams on the broker have the names and shapes of docs/nats.md, and a node explains any difference.

use async_nats::jetstream::stream::{Config, RetentionPolicy};
use async_nats::jetstream::{self, consumer};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Broker, Node};

async fn output_of_serve(broker: &Broker) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jettimer"))
        .args(["serve", "--listen", "127.0.0.1:0", "--insecure-no-auth", "--nats-wait", "1s"])
        .args(broker.args("node"))
        .output()
        .await
        .expect("jettimer runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn bucket_stream_and_consumer_are_there_for_the_nats_cli() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let id = node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let context = jetstream::new(broker.client().await);

    let stream = context.get_stream("TIMERS").await.unwrap();
    let config = &stream.cached_info().config;
    assert_eq!(config.retention, RetentionPolicy::WorkQueue);
    assert!(config.allow_message_schedules);
    let workers: consumer::PullConsumer = stream.get_consumer("workers").await.unwrap();
    assert_eq!(workers.cached_info().config.filter_subject, "timers.fire.*");

    // The record that `nats kv get timers ID` prints.
    let bucket = context.get_stream("KV_timers").await.unwrap();
    let record = bucket.get_last_raw_message_by_subject(&format!("$KV.timers.{id}")).await.unwrap();
    let record: Value = serde_json::from_slice(&record.payload).unwrap();
    assert_eq!(
        (&record["v"], &record["id"], &record["state"]["name"]),
        (&json!(1), &json!(id), &json!("scheduled"))
    );

    let waiting = stream.get_last_raw_message_by_subject(&format!("timers.schedule.{id}.*")).await.unwrap();
    assert_eq!(waiting.headers.get("Nats-Schedule-Target").unwrap().as_str(), format!("timers.fire.{id}"));

    // A cancelled timer has no wake afterwards.
    assert_eq!(node.client().cancel(&id).await.status, 200);
    assert!(stream.get_last_raw_message_by_subject(&format!("timers.schedule.{id}.*")).await.is_err());
}

#[tokio::test]
async fn a_finished_timer_leaves_after_its_retention() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--retention", "1s"]).await;
    let id = node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    node.client().cancel(&id).await;
    crate::support::eventually("the record is gone", async || {
        let reply = node.client().send(reqwest::Method::GET, &format!("/timer/{id}"), &[], "").await;
        (reply.status == 404).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_another_shape_is_explained_and_not_changed() {
    let broker = Broker::start().await;
    let context = jetstream::new(broker.client().await);
    let foreign = Config {
        name: "TIMERS".into(),
        subjects: vec!["timers.schedule.>".into(), "timers.fire.*".into()],
        max_age: std::time::Duration::from_secs(60),
        ..Config::default()
    };
    context.create_stream(&foreign).await.unwrap();
    let (code, text) = output_of_serve(&broker).await;
    assert_eq!(code, Some(1));
    for said in ["stream TIMERS", "retention is", "max_age is", "does not change it", "allow_msg_schedules"] {
        assert!(text.contains(said), "{said:?} is not said in: {text}");
    }
    let stream = context.get_stream("TIMERS").await.unwrap();
    assert_eq!(stream.cached_info().config.max_age, foreign.max_age);
}

#[tokio::test]
async fn a_consumer_of_another_shape_is_explained_and_not_changed() {
    let broker = Broker::start().await;
    drop(Node::start(&broker).await);
    let context = jetstream::new(broker.client().await);
    let stream = context.get_stream("TIMERS").await.unwrap();
    stream.delete_consumer("workers").await.unwrap();
    let foreign = consumer::pull::Config {
        durable_name: Some("workers".into()),
        filter_subject: "timers.fire.*".into(),
        max_deliver: 3,
        ..Default::default()
    };
    stream.create_consumer(foreign).await.unwrap();
    let (code, text) = output_of_serve(&broker).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("max_deliver is 3") && text.contains("nats consumer rm TIMERS workers"), "{text}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_an_error_and_is_not_touched() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let context = jetstream::new(broker.client().await);
    let id = "0198c0de-0000-7000-8000-000000000002";
    let subject = format!("$KV.timers.{id}");
    context.publish(subject.clone(), r#"{"v": 99}"#.into()).await.unwrap().await.unwrap();
    let reply = node.client().send(reqwest::Method::GET, &format!("/timer/{id}"), &[], "").await;
    assert_eq!((reply.status, &reply.json["type"]), (500, &json!("urn:jettimer:problem:unreadable-record")));
    context.publish(format!("timers.fire.{id}"), "".into()).await.unwrap().await.unwrap();
    crate::support::eventually("the worker says so", async || {
        node.logged("ERROR")
            .iter()
            .any(|line| line["error"].as_str().unwrap_or("").contains(id))
            .then_some(())
    })
    .await;
    let bucket = context.get_stream("KV_timers").await.unwrap();
    assert_eq!(&bucket.get_last_raw_message_by_subject(&subject).await.unwrap().payload[..], br#"{"v": 99}"#);
}

#[tokio::test]
async fn a_server_whose_messages_are_too_small_for_a_timer_is_refused_with_the_size_that_is_needed() {
    let with = async |max_payload: &str| {
        let line = format!("max_payload: {max_payload}");
        Broker::configured(|_, config| config.replace("max_payload: 1MB", &line)).await
    };
    let broker = with("230399").await;
    let (code, said) = output_of_serve(&broker).await;
    assert!(
        code == Some(1) && said.contains("jettimer needs 230400") && said.contains("max_payload"),
        "{said}"
    );
    let broker = with("230400").await;
    let node = Node::start(&broker).await;
    node.client()
        .create(&json!({ "delay": "1h", "url": "http://localhost/", "body": "x".repeat(12_000) }))
        .await;
}
