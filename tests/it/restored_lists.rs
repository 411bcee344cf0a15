//! Lists after NATS comes back with older data: its data was restored from a copy, and the nodes go on.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::support::jetstream::metric;
use crate::support::{Broker, Client, Node, eventually};

/// The waiting timers in the list.
async fn waiting(client: &Client) -> BTreeSet<String> {
    let reply = client.send(Method::GET, "/timers?state=scheduled&limit=1000", &[], "").await;
    let timers = reply.json["timers"].as_array().into_iter().flatten();
    timers.filter_map(|timer| timer["id"].as_str().map(str::to_owned)).collect()
}

async fn until_waiting(client: &Client, timers: &BTreeSet<String>) {
    eventually("the list has the timers that wait", async || {
        (waiting(client).await == *timers).then_some(())
    })
    .await;
}

/// Creates a timer that waits for an hour.
async fn create(client: &Client) -> String {
    client.create(&json!({ "delay": "1h", "url": "http://localhost/" })).await
}

#[tokio::test]
async fn a_list_follows_a_bucket_that_was_put_back() {
    let mut broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    // A sweep would end the timer whose cancel NATS loses, since the node knows of the cancel.
    let sweeps = "jettimer_sweeps_total{result=\"done\"}";
    eventually("the first sweep is done", async || (metric(&client, sweeps).await > 0.0).then_some(())).await;
    let (kept, cancelled) = (create(&client).await, create(&client).await);
    broker.back_up();
    let lost = create(&client).await;
    assert_eq!(client.cancel(&cancelled).await.status, 200);
    until_waiting(&client, &BTreeSet::from([kept.clone(), lost])).await;

    broker.restore().await;
    // The cancel was undone, and the timer that was created after the copy is gone.
    until_waiting(&client, &BTreeSet::from([kept.clone(), cancelled.clone()])).await;
    let next = create(&client).await;
    until_waiting(&client, &BTreeSet::from([kept, cancelled, next])).await;
}

#[tokio::test]
async fn a_list_follows_a_bucket_that_was_put_back_and_has_as_many_changes_again() {
    let mut broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let kept = create(&client).await;
    broker.back_up();
    let lost = [create(&client).await, create(&client).await];
    let before = lost.iter().chain([&kept]).cloned().collect();
    until_waiting(&client, &before).await;

    // The paused node does not see that the bucket is shorter, or that later changes make up the difference.
    node.pause();
    broker.restore().await;
    let other = Node::start(&broker).await;
    let mut timers = BTreeSet::from([kept]);
    for _ in 0..lost.len() + 1 {
        timers.insert(create(&other.client()).await);
    }
    until_waiting(&other.client(), &timers).await;
    node.resume();
    until_waiting(&client, &timers).await;
}
