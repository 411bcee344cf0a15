//! A node's connection to NATS: the node finds it dead and makes it again, with the content of its files at that time.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::way::Direction::{self, Down, Up};
use crate::support::way::Way;
use crate::support::{Broker, Client, Node, Sink, eventually};

/// Waits until the node is ready.
async fn until_ready(client: &Client) {
    eventually("the node is ready", async || {
        (client.send(Method::GET, "/readyz", &[], "").await.status == 200).then_some(())
    })
    .await;
}

/// Waits until the node says that it is not ready for a reason with these words, and returns the reason.
async fn until_refused(client: &Client, words: &str) -> String {
    eventually(&format!("it is said: {words}"), async || {
        let ready = client.send(Method::GET, "/readyz", &[], "").await;
        let reason = ready.json["reason"].as_str().unwrap_or_default().to_owned();
        (ready.status == 503 && reason.contains(words)).then_some(reason)
    })
    .await
}

async fn after_a_silent_end(directions: &[Direction]) {
    let broker = Broker::start().await;
    let way = Way::to(broker.port()).await;
    let node = Node::at(&broker.args_at(&way.url(), "node"), &[]).await;
    let (client, sink) = (node.client(), Sink::start().await);
    let waits = client.create(&json!({ "delay": "4s", "url": sink.url("/ok") })).await;
    // By then the node has received its own heartbeat, too.
    let id = client.create(&json!({ "delay": "2s", "url": sink.url("/ok") })).await;
    client.until(&id, "delivered").await;

    way.forget(directions);
    let id = eventually("a timer is created", async || {
        let reply = client.post(&json!({ "delay": "0s", "url": sink.url("/ok") })).await;
        (reply.status == 201).then(|| reply.json["id"].as_str().unwrap().to_owned())
    })
    .await;
    client.until(&id, "delivered").await;
    client.until(&waits, "delivered").await;
    assert_eq!(sink.hits_of(&waits).len(), 1);
    assert!(way.accepted() > 1);
    until_ready(&client).await;
}

#[tokio::test]
async fn a_connection_that_is_forgotten_is_made_again() {
    after_a_silent_end(&[Up, Down]).await;
}

#[tokio::test]
async fn a_connection_that_carries_nothing_to_nats_is_made_again() {
    after_a_silent_end(&[Up]).await;
}

#[tokio::test]
async fn a_connection_that_carries_nothing_from_nats_is_made_again() {
    after_a_silent_end(&[Down]).await;
}

#[tokio::test]
async fn a_key_that_was_replaced_is_used_at_the_next_connection() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let seed = broker.change_key("node");
    let reason = until_refused(&client, "refuses the user").await;
    assert!(reason.contains("--nats-nkey"), "{reason}");
    // Every client may read this answer; only the log names the file.
    let file = broker.key_file("node");
    let path = file.display().to_string();
    assert!(!reason.contains(&path), "{reason}");
    let said = node.logged("WARN");
    assert!(said.iter().any(|line| line["file"] == path.as_str()), "{said:?}");

    std::fs::write(&file, "SU").unwrap();
    until_refused(&client, "has no seed").await;
    std::fs::write(&file, seed).unwrap();
    until_ready(&client).await;
    client.create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
}

#[tokio::test]
async fn an_authority_that_was_replaced_is_trusted_at_the_next_connection() {
    let mut broker = Broker::with_tls().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let (file, authority) = broker.change_authority();
    broker.kill().await;
    broker.restart().await;
    until_refused(&client, "TLS fails").await;
    std::fs::write(file, authority).unwrap();
    until_ready(&client).await;
}

#[tokio::test]
async fn a_password_in_the_address_is_used() {
    let broker = Broker::start().await;
    let url = format!("nats://a%40b:c%3Ad@127.0.0.1:{}", broker.port());
    let node = Node::at(&["--nats".to_owned(), url], &[]).await;
    node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
}

#[tokio::test]
async fn an_account_without_jetstream_is_said() {
    let broker = Broker::start().await;
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_jettimer"))
        .args(["serve", "--listen", "127.0.0.1:0", "--insecure-no-auth", "--nats-wait", "1s"])
        .args(broker.args("sys"))
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().last().unwrap_or_default();
    let last = serde_json::from_str::<Value>(last).map_or(last.to_owned(), |line| line.to_string());
    assert!(!output.status.success() && last.contains("JetStream is off for the account"), "{said}");
}
