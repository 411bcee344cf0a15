//! SIGTERM: a node accepts no new work, finishes its calls, hands back the other wakes, and leaves no timer unknown.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Broker, Node, Sink, eventually, in_millis, micros_of};

#[tokio::test]
async fn calls_in_progress_are_finished_and_held_timers_fire_elsewhere_on_time() {
    let broker = Broker::start().await;
    let mut leaving = Node::with(&broker, &["--node-name", "leaving"]).await;
    let staying = Node::with(&broker, &["--node-name", "staying", "--role", "api"]).await;
    let sink = Sink::start().await;
    let client = leaving.client();
    let calling = client.create(&json!({ "delay": "0s", "url": sink.url("/hang") })).await;
    sink.until(1).await;
    // Some of these timers are due soon, and the node holds them when the signal comes; others are due later.
    let mut ids = Vec::new();
    for n in 0..50 {
        let timer = json!({ "at": in_millis(2_000 + n * 100), "url": sink.url("/ok") });
        ids.push(client.create(&timer).await);
    }
    eventually("some are held", async || {
        let metrics = client.send(Method::GET, "/metrics", &[], "").await.json;
        let held = metrics.as_str()?.lines().find_map(|line| line.strip_prefix("jettimer_wakes_held "));
        // The node calls one of them at this moment.
        (held?.parse::<f64>().ok()? >= 3.0).then_some(())
    })
    .await;
    leaving.terminate();
    let stopping = eventually("it has heard the signal", async || {
        let mut said = leaving.logged("INFO").into_iter();
        said.find(|line| line["signal"] == "SIGTERM").map(|line| micros_of(&line["timestamp"]))
    })
    .await;
    let _heir = Node::with(&broker, &["--node-name", "heir", "--role", "worker"]).await;
    let mut inherited = 0;
    for id in &ids {
        let delivered = staying.client().until(id, "delivered").await;
        let attempt = &delivered["last_attempt"];
        // The leaving node had claimed its timers before the signal, or was about to.
        let claimed = micros_of(&attempt["claimed_at"]);
        assert!(attempt["node"] == "heir" || claimed <= stopping + 1_000_000, "{delivered}");
        inherited += usize::from(attempt["node"] == "heir");
    }
    assert!(inherited > 0, "all were due before the signal");
    assert_eq!(staying.client().get(&calling).await["state"], "firing");
    sink.release();
    assert_eq!(leaving.exit_code().await, Some(0));
    assert_eq!(staying.client().get(&calling).await["state"], "delivered");
    assert!(sink.counts().values().all(|count| *count == 1));
    assert_eq!(sink.counts().len(), 51);
}

#[tokio::test]
async fn a_call_that_outlasts_the_deadline_is_given_up_and_said_to_be_unknown_at_once() {
    let broker = Broker::start().await;
    let mut leaving = Node::with(&broker, &["--drain-timeout", "200ms"]).await;
    let sink = Sink::start().await;
    let client = leaving.client();
    let once = client.create(&json!({ "delay": "0s", "url": sink.url("/hang") })).await;
    let again =
        client.create(&json!({ "delay": "0s", "url": sink.url("/hang"), "delivery": "at_least_once" })).await;
    sink.until(2).await;
    leaving.terminate();
    assert_eq!(leaving.exit_code().await, Some(0));
    sink.release();
    let heir = Node::start(&broker).await;
    assert_eq!(heir.client().get(&once).await["state"], "unknown");
    assert_eq!(heir.client().until(&again, "delivered").await["attempts"], 2);
}

#[tokio::test]
async fn a_node_that_stops_takes_no_new_requests() {
    let broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    let client = node.client();
    assert_eq!(client.send(Method::GET, "/readyz", &[], "").await.status, 200);
    node.terminate();
    assert_eq!(node.exit_code().await, Some(0));
    assert!(client.try_send(Method::GET, "/readyz", &[], "").await.is_err());
}

#[tokio::test]
async fn a_request_whose_head_began_before_the_node_stops_is_answered() {
    let broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    let mut begun = TcpStream::connect(&address).await.unwrap();
    let mut silent = TcpStream::connect(&address).await.unwrap();
    begun.write_all(b"GET /healthz HTTP/1.1\r\nhost: local").await.unwrap();
    // Once another request is answered, the node has read this beginning.
    assert_eq!(node.client().send(Method::GET, "/healthz", &[], "").await.status, 200);
    node.terminate();
    eventually("no new connection is taken", async || TcpStream::connect(&address).await.err()).await;
    begun.write_all(b"host\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    begun.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or_default(), 0);
    assert_eq!(node.exit_code().await, Some(0));
}
