//! A node takes an empty NATS for a new one only if no node and no file knows of timers.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::jetstream::{Hand, metric};
use crate::support::{Broker, Node, eventually};

/// All streams of jettimer.
const STREAMS: [&str; 3] = ["KV_timers", "TIMERS", "KV_timers_sweep"];

/// The error message of a node that does not start.
async fn refused(broker: &Broker, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_jettimer"))
        .args(["serve", "--listen", "127.0.0.1:0", "--insecure-no-auth", "--nats-wait", "1s"])
        .args(broker.args("node"))
        .args(args)
        .output()
        .await
        .expect("jettimer runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    said
}

async fn delete_all(hand: &Hand) {
    for stream in STREAMS {
        hand.delete_stream(stream).await;
    }
}

async fn has_bucket(hand: &Hand) -> bool {
    hand.ask("STREAM.INFO.KV_timers", &Value::Null).await["error"].is_null()
}

/// Waits until a node has noted in this file that it has seen timers.
pub(crate) async fn until_remembered(file: &Path) {
    eventually("the file remembers timers", async || {
        let text = std::fs::read(file).ok()?;
        let json: Value = serde_json::from_slice(&text).ok()?;
        (json["seen"].as_u64()? > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_node_that_remembers_timers_makes_no_empty_bucket() {
    let broker = Broker::start().await;
    let (journal, hand) = (tempfile::tempdir().unwrap(), Hand::of(&broker).await);
    let args = ["--journal-dir", journal.path().to_str().unwrap()];
    let file = journal.path().join("high-water.json");
    let mut node = Node::with(&broker, &args).await;
    node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    until_remembered(&file).await;
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
    delete_all(&hand).await;
    let said = refused(&broker, &args).await;
    assert!(said.contains("high-water.json") && said.contains("every timer"), "{said}");
    assert!(!has_bucket(&hand).await);
    // An operator has decided to begin with no timers.
    std::fs::remove_file(file).unwrap();
    let node = Node::with(&broker, &args).await;
    node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
}

#[tokio::test]
async fn next_to_a_node_that_has_seen_timers_no_node_makes_an_empty_bucket() {
    let broker = Broker::start().await;
    let hand = Hand::of(&broker).await;
    let witness = Node::with(&broker, &["--node-name", "witness"]).await;
    let client = witness.client();
    client.create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    delete_all(&hand).await;
    let said = refused(&broker, &["--journal-dir", "off"]).await;
    assert!(said.contains("the running node witness") && said.contains("every timer"), "{said}");
    assert!(!has_bucket(&hand).await);
    assert_eq!(client.send(Method::GET, "/readyz", &[], "").await.status, 503);
    // Without a witness a node takes it for a new one; a node that has seen the old bucket says that it is not.
    witness.pause();
    let _other = Node::start(&broker).await;
    witness.resume();
    eventually("the witness sees another bucket", async || {
        let turned = metric(&client, "jettimer_bucket_turned_total{how=\"other\"}").await;
        (turned == 1.0).then_some(())
    })
    .await;
    let said = witness.logged("ERROR");
    assert!(said.iter().any(|line| line["message"].to_string().contains("is not the one")), "{said:?}");
}
