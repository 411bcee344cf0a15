//! JetStream's storage limit: nodes refuse new timers before it is reached, so that promised timers can still be called and
//! cancelled.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::cli::run_with;
use crate::support::cluster::Cluster;
use crate::support::jetstream::{Hand, found, metric};
use crate::support::{Broker, Client, Node, Reply, Sink, eventually};
use crate::sweep_timers::until_sweeper;

/// The limit of a store that is full after a few hundred large timers.
const LIMIT: &str = "40M";
const NODE: [&str; 2] = ["--request-timeout", "14s"];

/// A node that refuses a timer looks at the store again. After so many refusals in a row, with such a pause between them, it has.
const PAUSE: Duration = Duration::from_secs(1);
const REFUSALS: u32 = 3;

/// The bytes of a large timer; no test fills a store with larger ones.
const LARGE: usize = 60_000;

fn with_limit(config: String) -> String {
    config.replace("jetstream {", &format!("jetstream {{\n    max_file_store: {LIMIT}"))
}

fn large() -> Value {
    json!({ "delay": "24h", "url": "http://127.0.0.1:8080/", "body_text": "x".repeat(LARGE) })
}

fn kind(problem: &Value) -> &str {
    problem["type"].as_str().unwrap_or_default().trim_start_matches("urn:jettimer:problem:")
}

/// The room that `/readyz` reports, if the node is ready.
async fn storage(client: &Client) -> Option<String> {
    let reply = client.send(Method::GET, "/readyz", &[], "").await;
    (reply.status == 200).then(|| reply.json["storage"].as_str().unwrap_or_default().to_owned())
}

/// Waits until the node knows the room in the store.
async fn until_seen(client: &Client) {
    let seen = async || storage(client).await.filter(|storage| storage != "unseen").map(drop);
    eventually("it knows how much room there is", seen).await;
}

/// Creates large timers until the node accepts no more, even after it has looked at the store again: between two looks, it takes its
/// own writes for larger than they are. Returns the last answer.
async fn fill(client: &Client) -> Reply {
    let many: Vec<Value> = (0..50).map(|_| large()).collect();
    let many = Value::from(many).to_string();
    let mut refusals = 0;
    eventually("no more timers are taken", async || {
        let reply =
            client.send(Method::POST, "/timers", &[("content-type", "application/json")], &many).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        for item in reply.json["results"].as_array().expect("results") {
            assert!(item["status"] == 201 || kind(&item["problem"]) == "storage-full", "{item}");
        }
        if reply.json["created"] != 0 {
            refusals = 0;
            return None;
        }
        refusals += 1;
        if refusals < REFUSALS {
            tokio::time::sleep(PAUSE).await;
            return None;
        }
        Some(reply)
    })
    .await
}

/// Cancels all waiting timers with one request after the other; returns how many were cancelled by requests that were completed.
async fn cancel_all(client: &Client) -> u64 {
    let mut cancelled = 0;
    eventually("all timers are cancelled", async || {
        let reply = client.send(Method::DELETE, "/timers?state=scheduled&host=127.0.0.1", &[], "").await;
        // The time of a request may end before 500 timers are cancelled.
        cancelled += reply.json["cancelled"].as_u64().unwrap_or(0);
        (reply.json["matched"] == 0).then_some(())
    })
    .await;
    cancelled
}

/// Checks that timers that were promised before the store was filled are called, that others can be cancelled, and that no
/// write for them was refused.
async fn keeps_its_promises(node: &Node) {
    let (client, sink) = (node.client(), Sink::start().await);
    until_seen(&client).await;
    let mut kept = vec![];
    for _ in 0..30 {
        kept.push(client.create(&json!({ "delay": "1h", "url": sink.url("/large") })).await);
    }
    fill(&client).await;
    let refused = client.post(&large()).await;
    assert_eq!((refused.status, kind(&refused.json)), (503, "storage-full"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), "30");
    assert_eq!(storage(&client).await.as_deref(), Some("short"));
    let free = metric(&client, "jettimer_nats_room_bytes{what=\"free\"}").await;
    assert!(free < metric(&client, "jettimer_nats_room_bytes{what=\"kept\"}").await + 500_000.0);
    assert!(metric(&client, "jettimer_creations_without_room_total").await > 0.0);

    // A change that lets a timer grow is refused as well; any other is made.
    let grown = client.patch(&kept[0], &json!({ "body_text": "x".repeat(LARGE) })).await;
    assert_eq!((grown.status, kind(&grown.json)), (503, "storage-full"), "{grown:?}");
    for id in &kept[10..] {
        assert_eq!(client.patch(id, &json!({ "delay": "1s" })).await.status, 200);
    }
    for id in &kept[..10] {
        assert_eq!(client.send(Method::POST, &format!("/timer/{id}/fire"), &[], "").await.status, 202);
    }
    let mut answers = 0;
    for id in &kept {
        let timer = client.until(id, "delivered").await;
        answers += usize::from(timer["attempt_log"][0]["answer"].is_object());
    }
    assert_eq!(sink.counts().len(), kept.len());
    // Answers of receivers are not stored at the expense of other timers. A few of them may have found some of the last room.
    assert!(answers < kept.len(), "{answers}");
    assert!(cancel_all(&client).await > 100);
    let refusals = metric(&client, "jettimer_nats_request_failures_total{result=\"no_room\"}").await;
    assert!(refusals.abs() < f64::EPSILON, "JetStream has refused {refusals} writes");
}

#[tokio::test]
async fn what_was_promised_is_called_when_creations_have_filled_a_server_that_says_what_it_stores() {
    let broker = Broker::configured(|_, config| with_limit(config)).await;
    keeps_its_promises(&Node::with(&broker, &NODE).await).await;
}

#[tokio::test]
async fn what_was_promised_is_called_when_creations_have_filled_a_server_that_says_nothing() {
    let broker = Broker::configured(|users, config| {
        users.hide_servers();
        with_limit(config)
    })
    .await;
    keeps_its_promises(&Node::with(&broker, &NODE).await).await;
}

#[tokio::test]
async fn what_was_promised_is_called_when_creations_have_filled_an_account() {
    let broker = Broker::configured(|users, config| {
        users.hide_servers();
        users.limit(&format!("max_file: {LIMIT}"));
        config
    })
    .await;
    keeps_its_promises(&Node::with(&broker, &NODE).await).await;
}

#[tokio::test]
async fn what_was_promised_is_called_when_creations_have_filled_a_cluster() {
    let cluster = Cluster::with_store(LIMIT).await;
    let args = [&NODE[..], &["--replicas", "3", "--nats-wait", "60s"]].concat();
    keeps_its_promises(&Node::at(&cluster.args("node"), &args).await).await;
}

#[tokio::test]
async fn nodes_that_create_at_once_leave_what_is_kept() {
    let broker = Broker::configured(|_, config| with_limit(config)).await;
    let nodes = [Node::with(&broker, &NODE).await, Node::with(&broker, &NODE).await];
    let clients = nodes.each_ref().map(Node::client);
    for client in &clients {
        until_seen(client).await;
    }
    let [one, other] = &clients;
    let (one_full, other_full) = tokio::join!(fill(one), fill(other));
    for reply in [one_full, other_full] {
        assert_eq!(reply.json["failed"], 50, "{reply:?}");
    }
    for client in &clients {
        let refusals = metric(client, "jettimer_nats_request_failures_total{result=\"no_room\"}").await;
        assert!(refusals.abs() < f64::EPSILON, "JetStream has refused {refusals} writes");
    }
}

#[tokio::test]
async fn timers_that_leave_make_room_for_new_ones() {
    let broker = Broker::configured(|_, config| with_limit(config)).await;
    let node =
        Node::with(&broker, &[&NODE[..], &["--retention", "1s", "--sweep-interval", "1s"]].concat()).await;
    let client = node.client();
    until_seen(&client).await;
    fill(&client).await;
    // The node answers at once and accepts nothing. The import still gives up.
    let import = run_with(&client, &["import", "-", "--retry-for", "2s"], &format!("{}\n", large())).await;
    assert!(import.code != Some(0) && import.err.contains("no room"), "{import:?}");
    assert!(cancel_all(&client).await > 100);
    eventually("there is room again", async || (client.post(&large()).await.status == 201).then_some(()))
        .await;
    let enough = async || storage(&client).await.filter(|storage| storage == "enough").map(drop);
    eventually("it says that there is room again", enough).await;
}

/// Another program reaches the limit, and no node can stop it. nats-server then forgets the wakes that come due.
#[tokio::test]
async fn what_was_promised_is_called_once_another_program_no_longer_fills_the_store() {
    let broker = Broker::configured(|_, config| with_limit(config)).await;
    let node = Node::with(&broker, &[&NODE[..], &["--sweep-grace", "1s"]].concat()).await;
    let (client, sink, hand) = (node.client(), Sink::start().await, Hand::of(&broker).await);
    until_sweeper(&node).await;
    until_seen(&client).await;
    hand.done("STREAM.CREATE.FULL", &json!({ "name": "FULL", "subjects": ["full"], "storage": "file" }))
        .await;
    let mut kept = vec![];
    for _ in 0..20 {
        kept.push(client.create(&json!({ "delay": "3s", "url": sink.url("/ok") })).await);
    }
    hand.fill("full").await;
    let refused = eventually("new timers are refused", async || {
        let reply = client.post(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    assert_eq!(kind(&refused.json), "storage-full", "{refused:?}");
    eventually("it says that timers wait", async || {
        let said = node.logged("ERROR");
        said.iter()
            .any(|line| line.to_string().contains("timers wait. JetStream's storage limit is reached"))
            .then_some(())
    })
    .await;
    hand.delete_stream("FULL").await;
    for id in &kept {
        client.until(id, "delivered").await;
    }
    assert_eq!(sink.counts().len(), kept.len());
    assert!(sink.counts().values().all(|count| *count == 1), "a receiver was called twice");
    assert!(found(&client, "bucket_missing").await.abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_node_whose_user_may_not_look_goes_on_and_says_so() {
    let broker = Broker::configured(|users, config| {
        for part in ["$JS.API.INFO", "TIMERS_ROOM", "timers_sweep.room", "PING.VARZ"] {
            users.forbid(part);
        }
        with_limit(config)
    })
    .await;
    let node = Node::with(&broker, &NODE).await.may_be_refused();
    let (client, sink) = (node.client(), Sink::start().await);
    let id = client.create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    client.until(&id, "delivered").await;
    assert_eq!(storage(&client).await.as_deref(), Some("unseen"));
    assert!(metric(&client, "jettimer_nats_room_bytes{what=\"free\"}").await.is_nan());
    eventually("it says so", async || {
        let said = node.logged("WARN");
        said.iter().any(|line| line.to_string().contains("cannot see how much JetStream may")).then_some(())
    })
    .await;
}

/// The error message of a node that does not start under these limits of its account.
async fn refused_start(limits: &str) -> String {
    let broker = Broker::configured(|users, config| {
        users.limit(limits);
        config
    })
    .await;
    let output = Command::new(env!("CARGO_BIN_EXE_jettimer"))
        .args([
            "serve",
            "--insecure-no-auth",
            "--listen",
            "127.0.0.1:0",
            "--nats-wait",
            "1s",
            "--journal-dir",
            "off",
        ])
        .args(broker.args("node"))
        .output()
        .await
        .expect("jettimer runs");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn an_account_with_too_few_streams_is_explained() {
    let said = refused_start("max_streams: 2").await;
    assert!(said.contains("KV_timers_sweep"), "{said}");
    assert!(said.contains("raise max_streams"), "{said}");
}

#[tokio::test]
async fn an_account_with_as_many_consumers_as_it_may_have_is_explained() {
    let broker = Broker::configured(|users, config| {
        users.limit("max_consumers: 1");
        config
    })
    .await;
    let node = Node::start(&broker).await;
    let other = Node::start(&broker).await;
    eventually("one says why it has no index or no feed", async || {
        let said: Vec<Value> = [&node, &other].into_iter().flat_map(|node| node.logged("WARN")).collect();
        said.iter().any(|line| line.to_string().contains("raise max_consumers")).then_some(())
    })
    .await;
    let sink = Sink::start().await;
    let id = node.client().create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    node.client().until(&id, "delivered").await;
}

#[tokio::test]
async fn an_account_without_memory_storage_will_do() {
    let broker = Broker::configured(|users, config| {
        users.limit("max_mem: 0, max_file: 4G");
        config
    })
    .await;
    let node = Node::start(&broker).await;
    let (client, sink) = (node.client(), Sink::start().await);
    let id = client.create(&json!({ "seconds": 1, "url": sink.url("/ok") })).await;
    client.until(&id, "delivered").await;
    until_seen(&client).await;
    assert!(metric(&client, "jettimer_nats_account_limit{resource=\"storage\"}").await > 3.9e9);
    assert!(metric(&client, "jettimer_nats_account_limit{resource=\"streams\"}").await.is_nan());
}
