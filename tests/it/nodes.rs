//! Nodes know of each other, and keep together what all of them are allowed.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Broker, Client, Node, Sink, eventually, now_micros};

async fn nodes(client: &Client) -> Vec<Value> {
    let reply = client.send(Method::GET, "/nodes", &[], "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json["nodes"].as_array().expect("nodes").clone()
}

/// Waits until a node knows these, itself first.
async fn until_known(client: &Client, names: &[&str]) -> Vec<Value> {
    eventually(&format!("{names:?} are known"), async || {
        let nodes = nodes(client).await;
        let known: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().expect("a name")).collect();
        (known == names).then_some(nodes)
    })
    .await
}

async fn two(broker: &Broker) -> (Node, Node) {
    let (a, b) = (named(broker, "a", "all").await, named(broker, "b", "all").await);
    until_known(&a.client(), &["a", "b"]).await;
    until_known(&b.client(), &["b", "a"]).await;
    (a, b)
}

async fn named(broker: &Broker, name: &str, role: &str) -> Node {
    Node::with(broker, &["--node-name", name, "--role", role]).await
}

async fn create_many(client: &Client, timer: &Value, count: usize) -> Vec<String> {
    let reply = client.send(Method::POST, "/timers", &[], &json!(vec![timer; count]).to_string()).await;
    let results = reply.json["results"].as_array().expect("results").clone();
    results.iter().map(|result| result["timer"]["id"].as_str().expect("an id").to_owned()).collect()
}

/// Which nodes have called for these timers.
async fn callers(client: &Client, ids: &[String]) -> HashSet<String> {
    let mut callers = HashSet::new();
    for id in ids {
        let timer = client.until(id, "delivered").await;
        callers.insert(timer["last_attempt"]["node"].as_str().expect("a node").to_owned());
    }
    callers
}

#[tokio::test]
async fn nodes_of_every_role_know_of_each_other_until_one_stops_or_dies() {
    let broker = Broker::start().await;
    let all = named(&broker, "all", "all").await;
    let mut api = named(&broker, "api", "api").await;
    let mut worker = named(&broker, "worker", "worker").await;
    let client = all.client();
    until_known(&worker.client(), &["worker", "all", "api"]).await;
    let known = until_known(&client, &["all", "api", "worker"]).await;
    for (node, role) in known.iter().zip(["all", "api", "worker"]) {
        assert_eq!((&node["role"], &node["state"]), (&json!(role), &json!("running")), "{node}");
        assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(node["this"], role == "all");
        assert!(node["clock_offset_ms"].is_f64() && node["silent_for_ms"].is_u64(), "{node}");
    }
    let metrics = client.send(Method::GET, "/metrics", &[], "").await.json;
    for role in ["all", "api", "worker"] {
        let series = format!("\njettimer_nodes{{role=\"{role}\"}} 1.0\n");
        assert!(metrics.as_str().unwrap().contains(&series), "{metrics}");
    }
    api.terminate();
    assert_eq!(api.exit_code().await, Some(0));
    until_known(&client, &["all", "worker"]).await;
    assert!(all.logged("INFO").iter().any(|line| line["message"] == "another node has left"));
    worker.kill().await;
    until_known(&client, &["all"]).await;
    assert!(all.logged("WARN").iter().any(|line| line["node"] == "worker"));
}

#[tokio::test]
async fn a_rate_is_kept_by_two_nodes_together() {
    let broker = Broker::start().await;
    let (a, _b) = two(&broker).await;
    let sink = Sink::start().await;
    let flow = json!({ "key": "shared", "rate": "10/s" });
    let due = now_micros() + 1_000_000;
    let timer = json!({ "delay": "1s", "url": sink.url("/ok"), "flow": flow });
    let ids = create_many(&a.client(), &timer, 30).await;
    let hits: Vec<u64> = sink.until(30).await.iter().map(|hit| hit.at).collect();
    let last = hits.iter().max().unwrap();
    // Two nodes that begin with one call each, and then make ten a second together, take 2.8 s; alone, each would take
    // half of that for its half. The first call may be the slowest to arrive, and none begins before it is due.
    assert!(last - due >= 2_700_000, "30 calls within {} µs", last - due);
    assert_eq!(callers(&a.client(), &ids).await.len(), 2);
}

#[tokio::test]
async fn a_number_of_calls_is_kept_by_two_nodes_together() {
    let broker = Broker::start().await;
    let (a, _b) = two(&broker).await;
    let sink = Sink::start().await;
    let flow = json!({ "key": "shared", "parallelism": 4 });
    let timer = json!({ "delay": "1s", "url": sink.url("/slow/400"), "flow": flow });
    let ids = create_many(&a.client(), &timer, 16).await;
    let starts: Vec<u64> = sink.until(16).await.iter().map(|hit| hit.at).collect();
    // Each is there for at least as long as the receiver takes to answer.
    let at_once =
        |start: &u64| starts.iter().filter(|other| (**other..**other + 400_000).contains(start)).count();
    assert!(starts.iter().map(at_once).max() <= Some(4), "{starts:?}");
    assert_eq!(callers(&a.client(), &ids).await.len(), 2);
}

#[tokio::test]
async fn what_a_node_had_of_a_limit_goes_to_those_that_are_left() {
    let broker = Broker::start().await;
    let (a, mut b) = two(&broker).await;
    let sink = Sink::start().await;
    b.terminate();
    assert_eq!(b.exit_code().await, Some(0));
    until_known(&a.client(), &["a"]).await;
    let flow = json!({ "key": "shared", "parallelism": 4 });
    let timer = json!({ "delay": "1s", "url": sink.url("/hang"), "flow": flow });
    create_many(&a.client(), &timer, 5).await;
    assert_eq!(sink.until(4).await.len(), 4);
    sink.release();
    sink.until(5).await;
}
