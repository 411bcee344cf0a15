//! The numbers that the page plots: every node counts the events of all nodes, knows the events before its start, and shows
//! the gaps in its knowledge.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Broker, Client, Node, Sink, eventually, micros_of};

const COUNTED: [&str; 6] = ["created", "fired", "delivered", "failed", "unknown", "cancelled"];

async fn stats(client: &Client) -> Value {
    let reply = client.send(Method::GET, "/stats", &[], "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json
}

/// The sums over all minutes, in the order of [`COUNTED`].
fn sums(stats: &Value) -> Option<[u64; 6]> {
    let minutes = stats["history"]["minutes"].as_array()?;
    Some(COUNTED.map(|name| minutes.iter().map(|minute| minute[name].as_u64().expect("a count")).sum()))
}

async fn until_counted(client: &Client, expected: [u64; 6]) -> Value {
    eventually(&format!("{expected:?} are counted"), async || {
        let stats = stats(client).await;
        (sums(&stats) == Some(expected)).then_some(stats)
    })
    .await
}

async fn api(broker: &Broker) -> Node {
    Node::with(broker, &["--role", "api"]).await
}

#[tokio::test]
async fn every_node_counts_what_all_do_and_one_that_is_new_knows_what_was_before() {
    let broker = Broker::start().await;
    let (worker, here, there) = (Node::start(&broker).await, api(&broker).await, api(&broker).await);
    let sink = Sink::start().await;
    let client = here.client();
    for _ in 0..3 {
        client.create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    }
    client.create(&json!({ "seconds": 0, "url": sink.url("/status/404") })).await;
    // Two attempts of one timer; a retry does not end it.
    let retry = json!({ "initial_backoff": "1ms" });
    let url = sink.url("/status/503/times/1");
    let again = json!({ "seconds": 0, "url": url, "delivery": "at_least_once", "retry": retry });
    client.create(&again).await;
    let cancelled = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    // A change is not counted.
    assert_eq!(client.patch(&cancelled, &json!({ "delay": "2h" })).await.status, 200);
    assert_eq!(client.cancel(&cancelled).await.status, 200);
    client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;

    let expected = [7, 6, 4, 1, 0, 1];
    let newcomer = api(&broker).await;
    for node in [&worker, &here, &there, &newcomer] {
        let stats = until_counted(&node.client(), expected).await;
        let lateness = &stats["history"]["lateness_ms"];
        let [p50, p99, max] = ["p50", "p99", "max"].map(|name| lateness[name].as_f64().expect("a number"));
        assert!(p50 > 0.0 && p50 <= p99 && p99 <= max, "{lateness}");
        assert!(micros_of(&stats["history"]["since"]) <= micros_of(&stats["at"]), "{stats}");
        eventually("the index has them too, and none is left to be taken", async || {
            let now = self::stats(&node.client()).await;
            let timers = &now["timers"];
            (timers["total"] == 7 && timers["scheduled"] == 1 && now["backlog"] == 0).then_some(())
        })
        .await;
        assert_eq!(stats["missing"], json!([]));
        let nats = &stats["nats"];
        assert_eq!((&nats["connected"], &nats["server"]), (&json!(true), &json!("jettimer-dev")));
        assert!(nats["round_trip_ms"].as_f64().unwrap() > 0.0);
        let names: Vec<&Value> =
            nats["streams"].as_array().unwrap().iter().map(|stream| &stream["name"]).collect();
        assert_eq!(names, ["KV_timers", "TIMERS"]);
        assert_eq!(nats["streams"][1]["consumers"][0]["name"], "workers");
        assert_eq!(nats["streams"][1]["replicas"][0]["server"], "jettimer-dev");
    }
}

#[tokio::test]
async fn a_node_says_since_when_it_knows_everything() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--retention", "10m"]).await;
    let stats = until_counted(&node.client(), [0; 6]).await;
    let known_for = micros_of(&stats["at"]) - micros_of(&stats["history"]["since"]);
    // Timers that ended before that may have left already. The node has been running for less than a minute.
    assert!((600_000_000..660_000_000).contains(&known_for), "{stats}");
    assert_eq!(stats["history"]["complete"], true);
}

#[tokio::test]
async fn a_node_says_that_it_does_not_count_all() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--index-limit", "1"]).await;
    let client = node.client();
    for _ in 0..2 {
        client.create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    }
    eventually("it is said", async || {
        let stats = stats(&client).await;
        (stats["history"]["complete"] == false).then_some(())
    })
    .await;
    until_counted(&client, [1, 0, 0, 0, 0, 0]).await;
}

#[tokio::test]
async fn what_a_node_does_not_know_is_null_with_the_reason() {
    let mut broker = Broker::start().await;
    let node = Node::with(&broker, &["--index-limit", "0"]).await;
    let client = node.client();
    client.create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let known = stats(&client).await;
    assert_eq!((&known["timers"], &known["history"]), (&json!(null), &json!(null)));
    assert_eq!(
        known["missing"],
        json!([
            { "pointer": "/timers", "detail": "this node keeps no index of timers (--index-limit 0)" },
            { "pointer": "/history", "detail": "this node keeps no index of timers (--index-limit 0)" },
        ])
    );
    assert_eq!((&known["backlog"], &known["nats"]["streams"][0]["messages"]), (&json!(0), &json!(1)));
    broker.kill().await;
    let away = eventually("NATS is missed", async || {
        Some(stats(&client).await).filter(|stats| stats["nats"]["connected"] == false)
    })
    .await;
    assert_eq!((&away["backlog"], &away["nats"]["streams"]), (&json!(null), &json!([])));
    let pointers: Vec<&Value> =
        away["missing"].as_array().unwrap().iter().map(|part| &part["pointer"]).collect();
    assert_eq!(pointers, ["/timers", "/backlog", "/history", "/nats/round_trip_ms"]);
    assert!(away["nats"]["version"].as_str().unwrap().starts_with("2."), "{away}");
}
