//! `jettimer doctor` reports findings with explanations, and changes nothing unless told to.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::jetstream::Hand;
use crate::support::{Broker, Node, Sink};
use crate::sweep_timers::{OFTEN, until_sweeper, until_swept_once};

/// The doctor's output and exit code.
struct Visit {
    code: Option<i32>,
    text: String,
    stderr: String,
}

impl Visit {
    async fn with_env(to: &[String], args: &[&str], env: &[(&str, &str)]) -> Self {
        let output = Command::new(env!("CARGO_BIN_EXE_jettimer"))
            .args(["doctor", "--nats-wait", "1s", "--sweep-grace", "1s"])
            .args(to)
            .args(args)
            .envs(env.iter().copied())
            .output()
            .await
            .expect("jettimer runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), text: text(output.stdout), stderr: text(output.stderr) }
    }

    async fn to(broker: &Broker, args: &[&str]) -> Self {
        Self::with_env(&broker.args("node"), args, &[]).await
    }

    /// The check with this name in a JSON report.
    fn check(&self, name: &str) -> Value {
        let report: Value = serde_json::from_str(&self.text).expect(&self.text);
        let checks = report["checks"].as_array().expect("checks").clone();
        checks.into_iter().find(|check| check["name"] == name).unwrap_or(Value::Null)
    }
}

#[tokio::test]
async fn all_is_well_with_a_node_that_runs() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--node-name", "one"]).await;
    until_sweeper(&node).await;
    node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let visit = Visit::to(&broker, &[]).await;
    assert_eq!(visit.code, Some(0), "{}{}", visit.text, visit.stderr);
    for said in [
        "ok    server",
        "ok    KV_timers",
        "1 messages",
        "one (all, 0.1.0)",
        "one sweeps",
        "1 records",
        "ok    sync",
        "ok    room",
    ] {
        assert!(visit.text.contains(said), "{said} is not in {}", visit.text);
    }
    assert!(visit.text.contains("Nothing is wrong"), "{}", visit.text);
}

#[tokio::test]
async fn a_lost_wake_is_found_and_repaired_only_when_that_is_asked_for() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--sweep-interval", "1h"]).await;
    until_swept_once(&node).await;
    let hand = Hand::of(&broker).await;
    let id = node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let waiting = format!("timers.schedule.{id}.*");
    hand.purge("TIMERS", &waiting).await;
    for _ in 0..2 {
        let visit = Visit::to(&broker, &["--output", "json"]).await;
        assert_eq!(visit.code, Some(1), "{}", visit.text);
        let check = visit.check("timers.unarmed");
        assert_eq!((&check["status"], &check["timers"]), (&json!("finding"), &json!([id])));
        assert!(!hand.has("TIMERS", &waiting).await);
    }
    let visit = Visit::to(&broker, &["--repair"]).await;
    assert_eq!(visit.code, Some(0), "{}", visit.text);
    assert!(visit.text.contains("fixed timers.unarmed"), "{}", visit.text);
    assert!(hand.has("TIMERS", &waiting).await);
    assert_eq!(Visit::to(&broker, &[]).await.code, Some(0));
}

#[tokio::test]
async fn what_is_missing_or_removed_or_of_another_shape_is_explained() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--sweep-interval", "1h"]).await;
    until_swept_once(&node).await;
    let hand = Hand::of(&broker).await;
    let id = node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    hand.delete_record(&id).await;
    let mut config = hand.done("STREAM.INFO.TIMERS", &Value::Null).await["config"].clone();
    config["max_age"] = json!(86_400_000_000_000_u64);
    hand.done("STREAM.UPDATE.TIMERS", &config).await;
    let mut node = node;
    node.terminate();
    node.exit_code().await;
    hand.done("CONSUMER.DELETE.TIMERS.workers", &Value::Null).await;
    let visit = Visit::to(&broker, &["--output", "json"]).await;
    assert_eq!(visit.code, Some(1), "{}", visit.text);
    for (name, says) in [
        ("TIMERS", "max_age is 86400s and must be 0ns"),
        ("workers", "the consumer is missing"),
        ("nodes", "no node heard"),
        ("sweep", "no node sweeps"),
        ("timers.removed", "1 records removed by hand"),
    ] {
        let check = visit.check(name);
        assert_eq!((&check["status"], &check["says"]), (&json!("finding"), &json!(says)), "{}", visit.text);
        assert!(check["advice"].is_string(), "{check}");
    }
}

#[tokio::test]
async fn without_an_answer_it_says_that_nothing_could_be_told() {
    let visit = Visit::with_env(&[], &["--nats", "nats://127.0.0.1:1"], &[]).await;
    assert_eq!((visit.code, visit.text.as_str()), (Some(2), ""));
    assert!(visit.stderr.contains("cannot connect to NATS"), "{}", visit.stderr);
}

#[tokio::test]
async fn sweeps_at_once_do_no_harm() {
    let broker = Broker::start().await;
    let _node = Node::with(&broker, &OFTEN).await;
    let other = Node::with(&broker, &OFTEN).await;
    let sink = Sink::start().await;
    let hand = Hand::of(&broker).await;
    let client = other.client();
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(client.create(&json!({ "seconds": 6, "url": sink.url("/ok") })).await);
    }
    let node_args = broker.args("node");
    hand.purge("TIMERS", "timers.schedule.>").await;
    let (one, another) =
        tokio::join!(Visit::to(&broker, &["--repair"]), Visit::with_env(&node_args, &["--repair"], &[]));
    assert_eq!((one.code, another.code), (Some(0), Some(0)), "{}{}", one.text, another.text);
    for id in &ids {
        client.until(id, "delivered").await;
    }
    assert_eq!(sink.counts().len(), 100);
    assert!(sink.counts().values().all(|count| *count == 1), "a receiver was called twice");
}

/// To a doctor whose clock is two minutes ahead, a new wake looks old.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_wake_without_a_record_is_removed_once_no_creation_can_be_in_flight() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--sweep-interval", "1h"]).await;
    until_swept_once(&node).await;
    let hand = Hand::of(&broker).await;
    let kept = node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let id = "0198c0de-0000-7000-8000-000000000002";
    let at = crate::support::now_micros() + 3_600_000_000;
    let subject = format!("timers.schedule.{id}.{at}");
    let when = crate::support::in_millis(3_600_000);
    hand.schedule(&subject, &when, &format!("timers.fire.{id}")).await;
    // The wake could belong to a creation in flight.
    assert_eq!(Visit::to(&broker, &["--repair"]).await.code, Some(0));
    assert!(hand.has("TIMERS", &subject).await);
    let clock = crate::support::wrong_clock::WrongClock::ahead(120_000);
    let visit = Visit::with_env(&broker.args("node"), &["--repair", "--output", "json"], &clock.env()).await;
    assert_eq!(visit.check("timers.orphan")["status"], "repaired", "{}", visit.text);
    assert_eq!(visit.check("clock")["status"], "finding", "{}", visit.text);
    assert!(!hand.has("TIMERS", &subject).await);
    assert!(hand.has("TIMERS", &format!("timers.schedule.{kept}.*")).await);
}
