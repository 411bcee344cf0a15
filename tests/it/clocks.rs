//! A node with a wrong clock says so, accepts no new work, and finishes the work that it has.

use async_nats::Client as Nats;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Broker, Client, Node, eventually, now_micros};
#[cfg(target_os = "linux")]
use crate::support::{Sink, jetstream::Hand, wrong_clock::WrongClock};

async fn readiness(client: &Client) -> (u16, String) {
    let reply = client.send(Method::GET, "/readyz", &[], "").await;
    (reply.status, reply.json["reason"].as_str().unwrap_or_default().to_owned())
}

async fn clock(client: &Client) -> Value {
    client.send(Method::GET, "/nodes", &[], "").await.json["clock"].clone()
}

/// Publishes the heartbeat of a node whose clock is `ahead_us` microseconds ahead.
async fn say(nats: &Nats, instance: u8, ahead_us: i64) {
    let instance = format!("00000000-0000-0000-0000-0000000000{instance:02}");
    let clock = i64::try_from(now_micros()).unwrap() + ahead_us;
    let beat = json!({
        "v": 1, "instance": instance, "name": format!("fake-{instance}"), "role": "api", "version": "9",
        "state": "running", "clock_us": clock,
    });
    nats.publish(format!("timers.nodes.{}", instance.replace('-', "")), beat.to_string().into())
        .await
        .unwrap();
    nats.flush().await.unwrap();
}

/// Whether the line is a warning about clocks of this kind.
fn is_about(line: &Value, of: &str) -> bool {
    line["of"] == of
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_node_whose_clock_is_off_from_that_of_nats_is_not_ready_until_it_is_right_and_works_meanwhile() {
    let broker = Broker::start().await;
    let wrong = WrongClock::ahead(10_000);
    let node = Node::with_env(&broker, &[], &wrong.env()).await;
    let client = node.client();
    let (status, reason) = readiness(&client).await;
    assert_eq!(status, 503);
    assert!(reason.contains("s ahead of that of NATS, and 2.000 s are allowed"), "{reason}");
    let offset = clock(&client).await["nats_offset_ms"].as_f64().unwrap();
    assert!((-11_000.0..-9_000.0).contains(&offset), "{offset}");
    let metrics = client.send(Method::GET, "/metrics", &[], "").await.json;
    assert!(metrics.as_str().unwrap().contains("jettimer_clock_offset_seconds{of=\"nats\"} -"), "{metrics}");

    let sink = Sink::start().await;
    let id = client.create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    client.until(&id, "delivered").await;
    eventually("it warns", async || {
        node.logged("WARN").iter().any(|line| is_about(line, "NATS")).then_some(())
    })
    .await;

    wrong.set(0);
    assert_eq!(readiness(&client).await, (200, String::new()));
    eventually("it says that it is over", async || {
        node.logged("INFO").iter().any(|line| is_about(line, "NATS")).then_some(())
    })
    .await;
    assert_eq!(node.logged("WARN").iter().filter(|line| is_about(line, "NATS")).count(), 1);
    wrong.set(-3_000);
    let (status, reason) = readiness(&client).await;
    assert!(status == 503 && reason.contains("s behind that of NATS"), "{status} {reason}");
}

#[cfg(target_os = "linux")]
async fn logs(node: &Node, level: &str, text: &str) {
    eventually(text, async || {
        let said = node.logged(level);
        said.iter()
            .any(|line| line["message"].as_str().is_some_and(|said| said.starts_with(text)))
            .then_some(())
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_node_whose_clock_alone_is_off_takes_over_no_claim_and_works_once_its_clock_is_right() {
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    let hand = Hand::of(&broker).await;
    let right = Node::start(&broker).await;
    let clock = WrongClock::ahead(0);
    let wrong = Node::with_env(&broker, &[], &clock.env()).await;
    // By this clock the lease of a claim, 20 s and a margin, is already over when the claim is stored.
    clock.set(60_000);
    logs(&wrong, "ERROR", "this node's clock differs").await;
    let timer = json!({
        "seconds": 0, "url": sink.url("/hang"), "timeout": "20s", "delivery": "at_least_once",
    });
    let id = right.client().create(&timer).await;
    sink.until(1).await;
    for _ in 0..20 {
        hand.wake(&id).await;
    }
    eventually("the wakes are taken", async || (hand.wakes_to_give().await == 0).then_some(())).await;
    sink.release();
    let timer = right.client().until(&id, "delivered").await;
    assert_eq!((sink.hits_of(&id).len(), &timer["attempts"]), (1, &json!(1)), "{timer}");

    clock.set(0);
    logs(&wrong, "INFO", "this node's clock is right again").await;
    right.terminate();
    let id = wrong.client().create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    wrong.client().until(&id, "delivered").await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn how_far_clocks_may_differ_can_be_set() {
    let broker = Broker::start().await;
    let wrong = WrongClock::ahead(-2_500);
    let node = Node::with_env(&broker, &["--max-clock-skew", "3s"], &wrong.env()).await;
    assert_eq!(readiness(&node.client()).await.0, 200);
}

#[tokio::test]
async fn a_node_whose_clock_most_others_do_not_have_is_not_ready() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let nats = broker.client().await;
    assert_eq!(clock(&client).await["peers_offset_ms"], Value::Null);
    // One wrong clock is shown and warned of, and makes no other node unready.
    eventually("the other clock is seen, and warned of", async || {
        say(&nats, 1, 10_000_000).await;
        let offset = clock(&client).await["peers_offset_ms"].as_f64()?;
        let warned = node.logged("WARN").iter().any(|line| is_about(line, "other nodes"));
        ((9_000.0..10_001.0).contains(&offset) && warned).then_some(())
    })
    .await;
    assert_eq!(readiness(&client).await, (200, String::new()));
    // A majority is believed.
    let reason = eventually("it is not ready", async || {
        for instance in 1..=3 {
            say(&nats, instance, 10_000_000).await;
        }
        let (status, reason) = readiness(&client).await;
        (status == 503).then_some(reason)
    })
    .await;
    assert!(reason.contains("s behind those of most other nodes"), "{reason}");
    // These nodes are silent from now on, and are forgotten.
    eventually("it is ready again", async || (readiness(&client).await.0 == 200).then_some(())).await;
}
