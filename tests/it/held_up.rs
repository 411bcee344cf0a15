//! Nodes without a worker, metrics and `jettimer doctor` show why due timers wait.

use std::net::TcpListener;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Broker, Client, Node, eventually};

async fn number(client: &Client, cause: &str) -> Option<f64> {
    let reply = client.send(Method::GET, "/metrics", &[], "").await;
    let series = format!("jettimer_timers_overdue{{cause=\"{cause}\"}} ");
    let text = reply.json.as_str().expect("text");
    text.lines().find_map(|line| line.strip_prefix(&series)).and_then(|value| value.parse().ok())
}

#[tokio::test]
async fn a_node_without_a_worker_says_why_timers_wait() {
    let broker = Broker::start().await;
    let api = Node::with(&broker, &["--role", "api"]).await;
    let client = api.client();
    // No process listens there.
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let timer = |attempts: u32| json!({ "seconds": 0, "url": format!("http://{receiver}/{attempts}"), "retry": { "max_attempts": attempts } });
    let first = client.create(&timer(1)).await;
    let waits = client.get(&first).await["waiting_for"].clone();
    assert_eq!(waits, json!({ "reason": "no_worker" }));

    let worker = Node::with(&broker, &["--role", "worker", "--breaker-failures", "3"]).await;
    client.until(&first, "failed").await;
    for _ in 0..2 {
        let id = client.create(&timer(1)).await;
        client.until(&id, "failed").await;
    }
    let mut ids = vec![];
    for _ in 0..6 {
        ids.push(client.create(&timer(100)).await);
    }
    let waits = eventually("the API says what it has heard of the worker", async || {
        Some(client.get(&ids[5]).await["waiting_for"].clone()).filter(|waits| waits["reason"] == "breaker")
    })
    .await;
    assert_eq!(waits["receiver"], json!(receiver), "{waits}");
    assert!(waits["until"].is_string(), "{waits}");
    let listed = eventually("lists say so too", async || {
        let page = client.send(Method::GET, "/timers?state=scheduled", &[], "").await.json;
        let timers: Vec<Value> = page["timers"].as_array().unwrap().clone();
        let waiting = timers.iter().filter(|timer| timer["waiting_for"]["receiver"] == *receiver).count();
        Some(waiting).filter(|waiting| *waiting >= 3)
    })
    .await;
    assert!(listed <= ids.len());

    // A receiver that is down is not a fault of jettimer.
    eventually("they are overdue for their receiver, and none for another cause", async || {
        let counts = client.send(Method::GET, "/timers/counts", &[], "").await.json;
        let held_up = counts["overdue_held_up"].as_u64()?;
        let of_receiver = number(&client, "receiver").await?;
        let other = number(&client, "other").await?;
        (held_up >= 3 && of_receiver >= 3.0 && other == 0.0).then_some(())
    })
    .await;
    eventually("the doctor names the receiver and how many wait", async || {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_jettimer"));
        let output =
            doctor.args(["doctor", "--nats-wait", "1s"]).args(broker.args("node")).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let named = text.contains(&format!(" timers are late: {receiver} (")) && text.contains(", breaker)");
        (named && !text.contains("Nothing is wrong") && output.status.code() == Some(1)).then_some(())
    })
    .await;
    drop(worker);
}
