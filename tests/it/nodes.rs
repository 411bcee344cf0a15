//! Nodes know of each other, and keep the limits that apply to all of them together.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::jetstream::metric;
use crate::support::{Broker, Client, Dns, Node, Sink, eventually, now_micros, token};

async fn nodes(client: &Client) -> Vec<Value> {
    let reply = client.send(Method::GET, "/nodes", &[], "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json["nodes"].as_array().expect("nodes").clone()
}

/// Waits until a node knows the nodes with these names, itself first.
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

/// The nodes that have made the calls of these timers.
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
    // Two nodes that begin with one call each, and then make ten a second together, take 2.8 s. Without sharing, each would
    // take half of that for its half. The first call may arrive the slowest, and no call begins before it is due.
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
    // Each call lasts at least as long as the receiver takes to answer.
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

/// Starts a worker with these arguments, on a broker that has a node for the API.
async fn worker(broker: &Broker, name: &str, allow: &str, args: &[&str]) -> Node {
    let rules = ["--node-name", name, "--role", "worker", "--allow-targets", allow];
    Node::with(broker, &[&rules[..], args].concat()).await
}

#[tokio::test]
async fn while_rules_differ_a_timer_goes_to_a_node_that_allows_it_and_then_ends_as_forbidden() {
    let broker = Broker::start().await;
    let (dns, sink) = (Dns::start().await, Sink::start().await);
    dns.set("inside.test", &[&["127.0.0.1"]]);
    let server = dns.address().to_string();
    let dns = ["--dns-server", server.as_str()];
    let api = named(&broker, "api", "api").await;
    let client = api.client();
    let narrow = worker(&broker, "narrow", "10.0.0.0/8", &dns).await;
    let mut wide = worker(&broker, "wide", "127.0.0.0/8,::1", &dns).await;
    until_known(&narrow.client(), &["narrow", "api", "wide"]).await;
    let port = sink.url("").rsplit_once(':').expect("a port").1.to_owned();
    for url in [sink.url("/ok"), format!("http://inside.test:{port}/ok")] {
        let ids = create_many(&client, &json!({ "delay": "100ms", "url": url }), 40).await;
        assert_eq!(callers(&client, &ids).await, HashSet::from(["wide".to_owned()]));
        for id in &ids {
            let timer = client.get(id).await;
            assert_eq!((&timer["attempts"], sink.hits_of(id).len()), (&json!(1), 1), "{timer}");
        }
    }
    assert!(metric(&narrow.client(), "jettimer_calls_left_to_others_total").await > 0.0);
    let otherwise = "jettimer_nodes_set_up_otherwise{difference=\"rules\"}";
    assert!(metric(&narrow.client(), otherwise).await >= 1.0);
    let known = nodes(&narrow.client()).await;
    assert_eq!(known[2]["differences"], json!(["rules"]), "{known:?}");
    let warned = |node: &Node| node.logged("WARN").iter().filter(|line| line["what"] == "rules").count();
    assert!(warned(&narrow) >= 1 && warned(&wide) >= 1);

    wide.terminate();
    assert_eq!(wide.exit_code().await, Some(0));
    until_known(&narrow.client(), &["narrow", "api"]).await;
    let id = client.create(&json!({ "delay": "0s", "url": sink.url("/ok") })).await;
    let failed = client.until_final(&id).await;
    assert_eq!(failed["last_attempt"]["result"], "forbidden", "{failed}");
}

#[tokio::test]
async fn a_timer_that_no_node_allows_ends_as_forbidden_though_their_rules_differ() {
    let broker = Broker::start().await;
    let sink = Sink::start().await;
    let api = named(&broker, "api", "api").await;
    let one = worker(&broker, "one", "10.0.0.0/8", &[]).await;
    let _two = worker(&broker, "two", "192.168.0.0/16", &[]).await;
    until_known(&one.client(), &["one", "api", "two"]).await;
    // With the deadline the timer fails after 2 s instead of ten minutes.
    let timer = json!({ "delay": "0s", "url": sink.url("/ok"), "retry": { "deadline": "2s" } });
    let id = api.client().create(&timer).await;
    let failed = api.client().until_final(&id).await;
    assert_eq!((&failed["state"], &failed["attempts"]), (&json!("failed"), &json!(1)), "{failed}");
    assert_eq!(failed["last_attempt"]["result"], "forbidden");
    assert!(metric(&one.client(), "jettimer_calls_left_to_others_total").await > 0.0);
}

#[tokio::test]
async fn a_node_of_another_installation_does_not_start() {
    let broker = Broker::start().await;
    let _first = Node::with(&broker, &["--node-name", "first", "--installation", "prod"]).await;
    let second = Node::with(&broker, &["--node-name", "second", "--installation", "prod"]).await;
    let known = until_known(&second.client(), &["second", "first"]).await;
    assert_eq!(known[1]["differences"], json!([]), "{known:?}");
    let output = Command::new(env!("CARGO_BIN_EXE_jettimer"))
        .args(["serve", "--listen", "127.0.0.1:0", "--insecure-no-auth", "--journal-dir", "off"])
        .args(["--installation", "staging"])
        .args(broker.args("node"))
        .output()
        .await
        .expect("jettimer runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("installation \"prod\""), "{said}");
    // A node without the name of an installation is warned.
    let (_, line) = token("other", &[]).await;
    let nameless = Node::with(&broker, &["--node-name", "nameless", "--tokens", &line]).await;
    let warned = nameless.logged("WARN");
    assert!(warned.iter().any(|line| line["installation"] == "prod"), "{warned:?}");
    let known = until_known(&second.client(), &["second", "first", "nameless"]).await;
    assert_eq!(known[2]["differences"], json!(["access", "installation"]), "{known:?}");
}
