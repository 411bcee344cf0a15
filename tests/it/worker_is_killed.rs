//! SIGKILL of one of two workers in the middle of 2,000 due timers.

use reqwest::Method;
use serde_json::json;

use crate::support::{Broker, Node, Sink, in_millis};

const TIMERS: usize = 2_000;

/// Creates the timers, kills a worker while they fire, and returns the ids, the sink and the surviving node.
async fn killed_in_the_middle(broker: &Broker, delivery: &str) -> (Vec<String>, Sink, Node) {
    let survivor = Node::start(broker).await;
    let mut victim = Node::with(broker, &["--role", "worker"]).await;
    let sink = Sink::start().await;
    let at = in_millis(6_000);
    // The receiver takes 100 ms, so that calls are in progress when the worker dies; a short timeout makes its leases end soon.
    let timer = json!({ "at": at, "url": sink.url("/slow/100"), "delivery": delivery, "timeout": "5s" });
    let mut ids = Vec::with_capacity(TIMERS);
    let thousand = json!(vec![timer; 1_000]).to_string();
    while ids.len() < TIMERS {
        let reply = survivor.client().send(Method::POST, "/timers", &[], &thousand).await;
        let results = reply.json["results"].as_array().expect("results");
        ids.extend(results.iter().map(|result| result["timer"]["id"].as_str().expect("an id").to_owned()));
    }
    sink.until(TIMERS / 8).await;
    victim.kill().await;
    (ids, sink, survivor)
}

#[tokio::test]
async fn at_most_once_loses_none_and_calls_none_twice() {
    let broker = Broker::start().await;
    let (ids, sink, survivor) = killed_in_the_middle(&broker, "at_most_once").await;
    let (mut delivered, mut unknown) = (0, 0);
    for id in &ids {
        let timer = survivor.client().until_final(id).await;
        match timer["state"].as_str() {
            Some("delivered") => delivered += 1,
            Some("unknown") => unknown += 1,
            other => panic!("{id} ended as {other:?}"),
        }
    }
    let counts = sink.counts();
    assert!(counts.values().all(|count| *count == 1), "a receiver was called twice");
    assert_eq!(delivered + unknown, TIMERS);
    assert!(counts.len() >= delivered, "delivered without a call");
    // Without an unknown timer the worker was not killed in the middle.
    assert!(unknown > 0, "the kill hit no call");
}

#[tokio::test]
async fn at_least_once_delivers_every_one() {
    let broker = Broker::start().await;
    let (ids, sink, survivor) = killed_in_the_middle(&broker, "at_least_once").await;
    for id in &ids {
        survivor.client().until(id, "delivered").await;
    }
    assert_eq!(sink.counts().len(), TIMERS);
}
