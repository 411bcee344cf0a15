//! More work than a node can do at a time: work over a limit waits where it costs nothing, and everything resumes by itself.
//!
//! docs/limits.md has the promises; `scripts/limits` tests them on a large scale.

use std::cell::Cell;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::jetstream::Hand;
use crate::support::{
    Broker, Client, Node, PATIENCE, Sink, eventually, exchange, few_files, in_millis, token,
};

/// Creates `count` timers that are due at one instant.
async fn due_together(client: &Client, url: &str, count: usize) -> Vec<String> {
    let timer = json!({ "at": in_millis(3_000), "url": url, "timeout": "20s" });
    let many = Value::Array(vec![timer; count]).to_string();
    let headers = [("content-type", "application/json")];
    let reply = client.send(Method::POST, "/timers", &headers, &many).await;
    let results = reply.json["results"].as_array().unwrap();
    results.iter().map(|result| result["timer"]["id"].as_str().unwrap().to_owned()).collect()
}

/// The value of a metric without labels.
async fn metric(client: &Client, name: &str) -> f64 {
    let reply = client.send(Method::GET, "/metrics", &[], "").await;
    let text = reply.json.as_str().unwrap();
    let line = text.lines().find(|line| line.split(' ').next() == Some(name));
    line.and_then(|line| line.rsplit(' ').next()).unwrap().parse().unwrap()
}

#[tokio::test]
async fn silent_clients_stop_no_call_where_few_files_may_be_open() {
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    let node = Node::with_open_files(&broker, 256, &[]).await;
    let client = node.client();
    let limits = [
        metric(&client, "jettimer_http_connections_limit").await,
        metric(&client, "jettimer_calls_limit").await,
    ];
    assert_eq!(limits, [32.0, 19.0]);
    let warned = node.logged("WARN");
    let says =
        |line: &Value| line["message"].as_str().is_some_and(|text| text.contains("256 files may be open"));
    assert!(warned.iter().any(says), "{warned:?}");
    let ids = due_together(&client, &sink.url("/ok"), 50).await;
    // More connections than the node has places for; the system accepts the others, and they wait.
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    sink.until(ids.len()).await;
    assert!(ids.iter().all(|id| sink.hits_of(id).len() == 1));
}

#[tokio::test]
async fn a_node_that_may_have_too_few_files_open_says_what_to_raise_and_does_not_start() {
    let mut program = few_files(140);
    let output = program.args(["serve", "--insecure-no-auth", "--listen", "127.0.0.1:0"]).output();
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("LimitNOFILE="), "{said}");
}

#[tokio::test]
async fn ten_times_more_due_than_can_be_held_and_called_wait_in_the_broker() {
    const CALLS: usize = 8;
    const HELD: usize = 40;
    const MILLIS: u64 = 30;
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    let limits = ["--max-calls", &CALLS.to_string(), "--max-held", &HELD.to_string()];
    let node = Node::with(&broker, &limits).await;
    let client = node.client();
    let ids = due_together(&client, &sink.url(&format!("/slow/{MILLIS}")), HELD * 10).await;

    sink.until(HELD).await;
    // In the middle of it, the node serves other requests and has no more wakes in memory than allowed.
    assert!(metric(&client, "jettimer_wakes_held").await <= HELD as f64);
    let own = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    assert_eq!(client.cancel(&own).await.status, 200);

    for id in &ids {
        client.until(id, "delivered").await;
    }
    let hits = sink.hits();
    assert_eq!(hits.len(), ids.len());
    assert!(sink.counts().values().all(|count| *count == 1));
    // Each call takes this long after it is noted, so the call that is `CALLS` later never begins sooner.
    for (first, next) in hits.iter().zip(hits.iter().skip(CALLS)) {
        assert!(next.at.saturating_sub(first.at) >= MILLIS * 1_000, "more than {CALLS} calls at a time");
    }
}

#[tokio::test]
async fn large_timers_that_find_no_memory_while_they_wait_are_called_once_each() {
    const TIMERS: usize = 16;
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    // The node may keep 160 KiB, which is one of these timers, and calls two at a time: each takes half of the places.
    let node = Node::with(&broker, &["--max-held", "20", "--max-calls", "4"]).await;
    let client = node.client();
    let body = |number: usize| format!("{number} {}", "x".repeat(100_000));
    let mut ids = vec![];
    let at = in_millis(6_000);
    for number in 0..TIMERS {
        let timer = json!({ "at": at, "url": sink.url("/slow/50"), "body_text": body(number) });
        ids.push(client.create(&timer).await);
    }
    for (number, id) in ids.iter().enumerate() {
        client.until(id, "delivered").await;
        let hits = sink.hits_of(id);
        assert!(hits.len() == 1 && hits[0].body == body(number).as_bytes(), "{number}: {} hits", hits.len());
    }
    assert!(metric(&client, "jettimer_records_dropped_total").await > 0.0);
}

#[tokio::test]
async fn wakes_beyond_the_consumers_limit_come_once_others_are_settled() {
    const PENDING: u64 = 10;
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    let node = Node::start(&broker).await;
    let client = node.client();
    let hand = Hand::of(&broker).await;
    // jettimer creates the consumer with 262,144 wakes that may be out at workers.
    let info = hand.done("CONSUMER.INFO.TIMERS.workers", &Value::Null).await;
    let mut config = info["config"].clone();
    config["max_ack_pending"] = PENDING.into();
    let update = json!({ "stream_name": "TIMERS", "config": config, "action": "update" });
    hand.done("CONSUMER.DURABLE.CREATE.TIMERS.workers", &update).await;

    let ids = due_together(&client, &sink.url("/hang"), 60).await;
    sink.until(PENDING as usize).await;
    let own = client.create(&json!({ "delay": "0s", "url": sink.url("/ok") })).await;
    let info = hand.done("CONSUMER.INFO.TIMERS.workers", &Value::Null).await;
    assert_eq!(info["num_ack_pending"], PENDING);
    assert!(info["num_pending"].as_u64().unwrap() > 0, "{info}");
    assert!(sink.hits_of(&own).is_empty(), "it has overtaken others");
    sink.release();
    for id in ids.iter().chain([&own]) {
        client.until(id, "delivered").await;
    }
    assert!(sink.counts().values().all(|count| *count == 1));
}

#[tokio::test]
async fn clients_beyond_the_limit_wait_for_a_connection_and_get_one() {
    const CONNECTIONS: usize = 20;
    let broker = Broker::start().await;
    let limits = ["--max-connections", &CONNECTIONS.to_string(), "--client-timeout", "2s"];
    let node = Node::with(&broker, &limits).await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    // None of these connections ever sends a byte.
    let mut silent = Vec::with_capacity(CONNECTIONS * 10);
    for _ in 0..CONNECTIONS * 10 {
        silent.push(TcpStream::connect(&address).await.expect("the system takes it"));
    }
    // This request is last in the system's queue, and the node takes only as many connections at a time as it may.
    assert_eq!(node.client().send(Method::GET, "/healthz", &[], "").await.status, 200);
    for mut stream in silent {
        let end = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut [0; 512])).await;
        assert!(matches!(end, Ok(Ok(_) | Err(_))), "it is still held");
    }
}

#[tokio::test]
async fn nats_that_is_away_under_load_costs_time_and_nothing_else() {
    const TIMERS: usize = 300;
    let (mut broker, sink) = (Broker::start().await, Sink::start().await);
    let node = Node::with(&broker, &["--request-timeout", "1s"]).await;
    let client = node.client();
    let refused = Cell::new(0);
    let load = async {
        let mut ids = Vec::with_capacity(TIMERS);
        for n in 0..TIMERS {
            let key = format!("\"{n}\"");
            let headers = [("idempotency-key", key.as_str()), ("content-type", "application/json")];
            let timer = json!({ "delay": format!("{}ms", n % 10 * 100), "url": sink.url("/ok") }).to_string();
            let id = eventually("the timer is taken", async || {
                let reply = client.send(Method::POST, "/timer", &headers, &timer).await;
                // Each request is refused clearly or accepted; sent again with the same key, it returns the same timer.
                assert!(matches!(reply.status, 200 | 201 | 503), "{reply:?}");
                refused.set(refused.get() + usize::from(reply.status == 503));
                reply.json["id"].as_str().map(str::to_owned)
            })
            .await;
            ids.push(id);
        }
        ids
    };
    let outage = async {
        sink.until(TIMERS / 3).await;
        broker.kill().await;
        // The outage lasts until several creations were refused; scripts/limits has the whole minute.
        eventually("a creation is refused", async || (refused.get() >= 3).then_some(())).await;
        broker.restart().await;
    };
    let (ids, ()) = tokio::join!(load, outage);
    for id in &ids {
        client.until_final(id).await;
    }
    let counts = sink.counts();
    assert!(counts.values().all(|count| *count == 1), "called twice");
    for id in &ids {
        let state = client.get(id).await["state"].clone();
        assert_eq!(state, "delivered", "{id}");
        assert_eq!(counts.get(id), Some(&1));
    }
}

/// Opens a connection that stays open, on which a request was answered with this status.
async fn kept(address: &str, path: &str, token: &str, status: u16) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    ask(&mut stream, path, token, status).await;
    stream
}

/// Sends a request on a connection, and reads an answer whose head and body come at once.
async fn ask(stream: &mut TcpStream, path: &str, token: &str, status: u16) {
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    let mut answer = [0; 4_096];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await.expect("an answer in time");
    let answer = String::from_utf8_lossy(&answer[..read.expect("an answer")]).into_owned();
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
}

#[tokio::test]
async fn clients_without_a_token_keep_out_no_other_client() {
    let broker = Broker::start().await;
    let (good, line) = token("a", &[]).await;
    let node = Node::with(&broker, &["--tokens", &line, "--max-connections", "4"]).await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    let mut known = kept(&address, "/nodes", &good, 200).await;
    let mut others = vec![];
    // Each sends a request that is open to all, or is refused, and goes on for as long as connections are kept.
    for path in ["/healthz", "/nodes", "/healthz", "/timers", "/healthz", "/readyz", "/healthz", "/healthz"] {
        let status = if !path.ends_with('z') { 401 } else { 200 };
        others.push(kept(&address, path, "x", status).await);
    }
    // With a token a client is served on a new connection, and on the one that has rested longest of all.
    let _second = kept(&address, "/nodes", &good, 200).await;
    ask(&mut known, "/nodes", &good, 200).await;
    let mut end = [0; 16];
    let read = tokio::time::timeout(PATIENCE, others[0].read(&mut end)).await.expect("it is closed");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let bearer = format!("Bearer {good}");
    let reply = node.client().send(Method::GET, "/metrics", &[("authorization", bearer.as_str())], "").await;
    let text = reply.json.as_str().expect("text");
    let closed = text.lines().find_map(|line| {
        line.strip_prefix("jettimer_http_connections_closed_total{reason=\"resting\"} ")?.parse::<f64>().ok()
    });
    assert!(closed >= Some(6.0), "{text}");
}

#[tokio::test]
async fn an_address_has_no_more_connections_than_it_may() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--max-connections-per-address", "2"]).await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    let mut first = kept(&address, "/healthz", "", 200).await;
    let mut second = kept(&address, "/healthz", "", 200).await;
    let mut third = kept(&address, "/healthz", "", 200).await;
    let read = tokio::time::timeout(PATIENCE, first.read(&mut [0; 16])).await.expect("it is closed");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    for stream in [&mut second, &mut third] {
        ask(stream, "/healthz", "", 200).await;
    }
}

#[tokio::test]
async fn health_checks_have_connections_of_their_own() {
    let broker = Broker::start().await;
    let (good, line) = token("a", &[]).await;
    let args = ["--tokens", &line, "--max-connections", "1", "--health-listen", "127.0.0.1:0"];
    let node = Node::with(&broker, &args).await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    let said =
        node.logged("INFO").into_iter().find(|line| line["message"].to_string().contains("health checks"));
    let health = said.expect("it says where")["address"].as_str().expect("an address").to_owned();
    // The only connection belongs to a client with a token, and stays.
    let _known = kept(&address, "/nodes", &good, 200).await;
    let mut checks = kept(&health, "/healthz", "", 200).await;
    ask(&mut checks, "/readyz", "", 200).await;
    for path in ["/", "/timers", "/metrics", "/nodes", "/openapi.json"] {
        ask(&mut checks, path, &good, 404).await;
    }
    let answer = exchange(&health, b"POST /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD"), "{answer}");
}
