//! The ledger balances after any event, except the loss of a record.

use serde_json::json;

use crate::support::jetstream::{Hand, metric, until_swept};
use crate::support::{Broker, Client, Node, Sink, eventually};
use crate::sweep_timers::OFTEN;

const TERMS: [&str; 7] = ["pending", "firing", "delivered", "failed", "unknown", "cancelled", "expired"];

async fn term(client: &Client, term: &str) -> f64 {
    metric(client, &format!("jettimer_ledger_timers{{term=\"{term}\"}}")).await
}

/// The number of created timers, less the counts of everything that they can have become.
async fn difference(client: &Client) -> f64 {
    let mut difference = term(client, "created").await;
    for name in TERMS {
        difference -= term(client, name).await;
    }
    difference
}

async fn until_created(client: &Client, count: f64) {
    eventually("the ledger has them", async || (term(client, "created").await == count).then_some(())).await;
}

async fn until_imbalance(client: &Client, count: f64) {
    eventually(&format!("{count} are missing"), async || {
        (metric(client, "jettimer_ledger_imbalance").await == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_balances_however_timers_end_and_whichever_node_is_killed() {
    let broker = Broker::start().await;
    let mut one = Node::with(&broker, &OFTEN).await;
    until_swept(&one.client(), 1.0).await;
    let other = Node::with(&broker, &OFTEN).await;
    let sink = Sink::start().await;
    let client = other.client();
    let mut ids = Vec::new();
    for n in 0..60 {
        let path = ["/ok", "/status/404", "/slow/50"][n % 3];
        let id = client.create(&json!({ "seconds": n / 12, "url": sink.url(path) })).await;
        if n == 30 {
            one.kill().await;
        }
        ids.push(id);
    }
    let waiting = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    assert_eq!(client.patch(&waiting, &json!({ "delay": "2h" })).await.status, 200);
    let cancelled = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    assert_eq!(client.cancel(&cancelled).await.status, 200);
    for id in &ids {
        client.until_final(id).await;
    }
    let failed = ids[1].clone();
    assert_eq!(
        client.send(reqwest::Method::POST, &format!("/timer/{failed}/replay"), &[], "").await.status,
        202
    );
    client.until(&failed, "failed").await;
    until_created(&client, 62.0).await;
    eventually("each is where it is", async || {
        let terms =
            [term(&client, "pending").await, term(&client, "cancelled").await, term(&client, "firing").await];
        (terms == [1.0, 1.0, 0.0]).then_some(())
    })
    .await;
    assert_eq!((difference(&client).await, metric(&client, "jettimer_ledger_imbalance").await), (0.0, 0.0));
    assert_eq!(metric(&client, "jettimer_ledger_breaks").await, 0.0);
    assert!(other.logged("ERROR").is_empty(), "{:?}", other.logged("ERROR"));
}

#[tokio::test]
async fn a_record_that_is_removed_by_hand_is_missing_for_good() {
    let broker = Broker::start().await;
    let hand = Hand::of(&broker).await;
    let mut node = Node::with(&broker, &OFTEN).await;
    until_swept(&node.client(), 1.0).await;
    let sink = Sink::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(node.client().create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await);
    }
    let over = node.client().create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    node.client().until(&over, "delivered").await;
    until_created(&node.client(), 6.0).await;
    // One timer that waits, and one that is over.
    hand.delete_record(&ids[0]).await;
    until_imbalance(&node.client(), 1.0).await;
    hand.delete_record(&over).await;
    until_imbalance(&node.client(), 2.0).await;
    assert_eq!(difference(&node.client()).await, 2.0);
    assert!(node.logged("ERROR").iter().any(|line| line["imbalance"] == 1));
    // Removed without a trace, while no node runs.
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
    assert_eq!(hand.purge("KV_timers", &format!("$KV.timers.{}", ids[1])).await, 1);
    let node = Node::with(&broker, &OFTEN).await;
    until_imbalance(&node.client(), 3.0).await;
}

#[tokio::test]
async fn a_change_that_names_no_earlier_version_is_said_and_makes_no_false_alarm() {
    let broker = Broker::start().await;
    let hand = Hand::of(&broker).await;
    let mut node = Node::with(&broker, &OFTEN).await;
    until_swept(&node.client(), 1.0).await;
    let sink = Sink::start().await;
    let mut ids = vec![];
    for _ in 0..10 {
        ids.push(node.client().create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await);
    }
    until_created(&node.client(), 10.0).await;
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
    hand.store_again(&ids[0]).await;
    let node = Node::with(&broker, &OFTEN).await;
    let client = node.client();
    client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    until_created(&client, 11.0).await;
    assert_eq!((difference(&client).await, metric(&client, "jettimer_ledger_imbalance").await), (0.0, 0.0));
    assert!(metric(&client, "jettimer_ledger_breaks").await >= 1.0);
}
