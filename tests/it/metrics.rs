//! The metrics of a node show its work to every client that may read them, on nodes of every role.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::json;

use crate::support::{Broker, Client, Node, Sink, eventually, plain_http};

/// The metrics of a node, parsed as a scraper does it.
#[derive(Debug)]
struct Scrape {
    text: String,
    /// The samples by name and labels.
    samples: HashMap<String, f64>,
}

impl Scrape {
    async fn of(client: &Client) -> Self {
        let reply = client.send(Method::GET, "/metrics", &[], "").await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, "text/plain; version=0.0.4; charset=utf-8")
        );
        Self::parse(reply.json.as_str().expect("text"))
    }

    /// Parses the text format. Fails on a sample without a type before it, a value that is not a number, a series that
    /// appears twice, or buckets that do not add up.
    fn parse(text: &str) -> Self {
        let mut types = HashMap::new();
        let mut samples = HashMap::new();
        let mut bucket = ("", 0.0);
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(typed) = line.strip_prefix("# TYPE ") {
                let (name, kind) = typed.split_once(' ').expect(line);
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                types.insert(name, kind);
                continue;
            }
            if line.starts_with("# HELP ") {
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect(line);
            let value: f64 = value.parse().expect(line);
            let name = series.split('{').next().expect(line);
            let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let is_histogram = histogram.is_some_and(|name| types.get(name) == Some(&"histogram"));
            assert!(is_histogram || types.contains_key(name), "no type before {line}");
            if let Some((of, _)) = series.split_once("le=").filter(|_| is_histogram) {
                assert!(bucket.0 != of || bucket.1 <= value, "less than in the bucket before: {line}");
                bucket = (of, value);
            } else if name.ends_with("_count") {
                assert_eq!(value, bucket.1, "not what is in the last bucket: {line}");
            }
            assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
        }
        Self { text: text.to_owned(), samples }
    }

    fn get(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series} in {}", self.text))
    }
}

/// The samples of a node with these limits once it has done the requests and the calls of the test below.
const DONE: &[(&str, f64)] = &[
    (concat!("jettimer_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
    ("jettimer_timer_writes_total{operation=\"create\",result=\"done\"}", 6.0),
    ("jettimer_timer_writes_total{operation=\"create\",result=\"repeated\"}", 1.0),
    ("jettimer_timer_writes_total{operation=\"create\",result=\"refused\"}", 2.0),
    ("jettimer_timer_writes_total{operation=\"change\",result=\"done\"}", 1.0),
    ("jettimer_timer_writes_total{operation=\"cancel\",result=\"done\"}", 1.0),
    ("jettimer_timer_writes_total{operation=\"cancel\",result=\"refused\"}", 1.0),
    ("jettimer_timer_writes_total{operation=\"replay\",result=\"done\"}", 0.0),
    ("jettimer_http_requests_total{operation=\"create_timer\",status=\"2xx\"}", 6.0),
    ("jettimer_http_requests_total{operation=\"create_timer\",status=\"4xx\"}", 1.0),
    ("jettimer_http_request_duration_seconds_count{operation=\"create_timers\"}", 1.0),
    ("jettimer_http_requests_in_progress", 1.0),
    ("jettimer_http_connections_limit", 10_000.0),
    ("jettimer_attempts_total{outcome=\"delivered\"}", 2.0),
    ("jettimer_attempts_total{outcome=\"retried\"}", 1.0),
    ("jettimer_attempts_total{outcome=\"failed\"}", 1.0),
    ("jettimer_attempts_total{outcome=\"unknown\"}", 0.0),
    ("jettimer_calls_total{result=\"2xx\"}", 2.0),
    ("jettimer_calls_total{result=\"4xx\"}", 1.0),
    ("jettimer_calls_total{result=\"5xx\"}", 1.0),
    ("jettimer_lateness_seconds_count{cause=\"other\"}", 4.0),
    ("jettimer_call_duration_seconds_count", 4.0),
    ("jettimer_calls_in_progress", 0.0),
    ("jettimer_calls_limit", 7.0),
    ("jettimer_wakes_limit", 11.0),
    ("jettimer_wakes_waiting", 0.0),
    ("jettimer_timers{state=\"scheduled\"}", 2.0),
    ("jettimer_timers{state=\"delivered\"}", 2.0),
    ("jettimer_timers_overdue{cause=\"other\"}", 0.0),
    ("jettimer_index_limit", 99.0),
    ("jettimer_index_bytes_limit", 99.0 * 560.0),
    ("jettimer_index_ready", 1.0),
    ("jettimer_index_complete", 1.0),
    ("jettimer_feed_readers", 1.0),
    ("jettimer_nats_up", 1.0),
    ("jettimer_nats_stores", 1.0),
    ("jettimer_nats_connects_total", 1.0),
];

#[tokio::test]
async fn what_a_node_does_can_be_read_in_its_numbers() {
    let mut broker = Broker::start().await;
    let node = Node::with(&broker, &["--max-calls", "7", "--max-held", "11", "--index-limit", "99"]).await;
    let sink = Sink::start().await;
    let client = node.client();
    let delivered = client.create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    let failed = client.create(&json!({ "seconds": 0, "url": sink.url("/status/404") })).await;
    let retry = json!({ "max_attempts": 3, "initial_backoff": "10ms" });
    let retried = json!({ "seconds": 0, "url": sink.url("/status/503/times/1"), "delivery": "at_least_once", "retry": retry });
    let retried = client.create(&retried).await;
    let waiting = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    client.until(&delivered, "delivered").await;
    client.until(&failed, "failed").await;
    client.until(&retried, "delivered").await;
    assert_eq!(client.patch(&waiting, &json!({ "delay": "2h" })).await.status, 200);
    assert_eq!(client.cancel(&waiting).await.status, 200);
    assert_eq!(client.cancel(&delivered).await.status, 409);
    assert_eq!(client.post(&json!({ "seconds": -1 })).await.status, 422);
    let many = json!([{ "delay": "1h", "url": sink.url("/ok") }, { "delay": "no" }]).to_string();
    assert_eq!(client.send(Method::POST, "/timers", &[], &many).await.status, 200);
    let key = [("idempotency-key", "one")];
    let body = json!({ "delay": "1h", "url": sink.url("/ok") }).to_string();
    assert_eq!(client.send(Method::POST, "/timer", &key, &body).await.status, 201);
    assert_eq!(client.send(Method::POST, "/timer", &key, &body).await.status, 200);
    let reader = plain_http().get(client.url("/timers/events")).send().await.expect("the feed");

    // Values that the node reads from NATS may be a second old, and the index hears of changes a moment later.
    let scrape = eventually("wakes are settled and the index has everything", async || {
        let scrape = Scrape::of(&client).await;
        let nothing_left = ["jettimer_wakes_held", "jettimer_wakes_waiting", "jettimer_index_lag_changes"];
        let states = ["scheduled", "delivered"].map(|state| format!("jettimer_timers{{state=\"{state}\"}}"));
        let done = nothing_left.iter().all(|series| scrape.get(series) == 0.0)
            && states.iter().all(|series| scrape.samples.get(series) == Some(&2.0))
            && scrape.get("jettimer_index_timers") == 6.0;
        done.then_some(scrape)
    })
    .await;
    for (series, value) in DONE {
        assert_eq!(scrape.get(series), *value, "{series}: {}", scrape.get(series));
    }
    assert!(
        scrape.get("jettimer_lateness_seconds_sum{cause=\"other\"}") > 0.0
            && scrape.get("jettimer_http_connections") >= 2.0
    );
    assert!(scrape.get("jettimer_index_last_change_timestamp_seconds") > 1.7e9);
    // The metrics contain no text that clients choose.
    for theirs in [delivered.as_str(), "127.0.0.1", "/ok"] {
        assert!(!scrape.text.contains(theirs), "{theirs}");
    }

    drop(reader);
    eventually("the reader has gone", async || {
        (Scrape::of(&client).await.get("jettimer_feed_readers") == 0.0).then_some(())
    })
    .await;
    broker.kill().await;
    let down = eventually("the node has no NATS, and says so", async || {
        let scrape = Scrape::of(&client).await;
        (scrape.get("jettimer_nats_up") == 0.0 && scrape.get("jettimer_index_lag_changes").is_nan())
            .then_some(scrape)
    })
    .await;
    assert!(down.get("jettimer_wakes_waiting").is_nan());
    assert_eq!(down.get("jettimer_timers{state=\"scheduled\"}"), 2.0_f64);
}

#[tokio::test]
async fn an_index_that_leaves_timers_out_says_so() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--index-limit", "1"]).await;
    for _ in 0..2 {
        node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    }
    eventually("the index is full", async || {
        let scrape = Scrape::of(&node.client()).await;
        let full = scrape.get("jettimer_index_timers") == 1.0 && scrape.get("jettimer_index_complete") == 0.0;
        full.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_worker_shows_its_numbers_to_any_client_that_may_read() {
    let broker = Broker::start().await;
    let hash = |token: &[u8]| jettimer::foundation::crypto::sha256_hex(token);
    let lines = format!(
        "scraper read sha256:{}\nwriter write sha256:{}\nslow read sha256:{} rate=1/h",
        hash(b"jt_read"),
        hash(b"jt_write"),
        hash(b"jt_slow")
    );
    let node = Node::with(&broker, &["--role", "worker", "--tokens", &lines]).await;
    let ask = async |authorization: &str, accept: &str| {
        let headers = [("authorization", authorization), ("accept", accept)];
        node.client().send(Method::GET, "/metrics", &headers, "").await
    };
    assert_eq!(node.client().send(Method::GET, "/metrics", &[], "").await.status, 401);
    for (authorization, status) in [
        ("Basic x", 401),
        ("Bearer jt_other", 401),
        ("Bearer jt_write", 403),
        ("Bearer jt_slow", 200),
        ("Bearer jt_slow", 429),
    ] {
        assert_eq!(ask(authorization, "*/*").await.status, status, "{authorization}");
    }
    let scrape = Scrape::parse(ask("Bearer jt_read", "text/plain").await.json.as_str().unwrap());
    for reason in ["no_token", "malformed", "unknown_token", "scope", "rate"] {
        let count = scrape.get(&format!("jettimer_http_refused_total{{reason=\"{reason}\"}}"));
        assert_eq!(count, 1.0_f64, "{reason}");
    }
    assert_eq!(scrape.get("jettimer_http_requests_total{operation=\"metrics\",status=\"4xx\"}"), 5.0_f64);
    assert!(scrape.samples.contains_key("jettimer_lateness_seconds_count{cause=\"other\"}"));
    assert!(!scrape.text.contains("jettimer_index") && !scrape.text.contains("jettimer_timer_writes"));

    let open = ask("Bearer jt_read", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5").await;
    assert_eq!(open.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.json.as_str().unwrap().ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_claim_of_a_node_that_died_is_counted_by_the_one_that_finds_it() {
    let broker = Broker::start().await;
    let sink = Sink::start().await;
    let mut dying = Node::start(&broker).await;
    let timer = json!({ "seconds": 0, "url": sink.url("/hang"), "timeout": "3s" });
    let id = dying.client().create(&timer).await;
    sink.until(1).await;
    assert_eq!(Scrape::of(&dying.client()).await.get("jettimer_calls_in_progress"), 1.0);
    dying.kill().await;
    let finder = Node::start(&broker).await;
    finder.client().until(&id, "unknown").await;
    // The record is stored a moment before it is counted.
    let scrape = eventually("the outcome is counted", async || {
        let scrape = Scrape::of(&finder.client()).await;
        (scrape.get("jettimer_attempts_total{outcome=\"unknown\"}") == 1.0).then_some(scrape)
    })
    .await;
    assert_eq!(scrape.get("jettimer_claims_taken_over_total"), 1.0);
    assert_eq!(scrape.get("jettimer_lateness_seconds_count{cause=\"other\"}"), 0.0);
    sink.release();
}

#[tokio::test]
async fn an_index_does_not_trail_changes_that_had_left_before_it_began() {
    let broker = Broker::start().await;
    let sink = Sink::start().await;
    let first = Node::with(&broker, &["--retention", "1s"]).await;
    let id = first.client().create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    sink.until(1).await;
    eventually("the bucket is empty", async || {
        let reply = first.client().send(Method::GET, &format!("/timer/{id}"), &[], "").await;
        (reply.status == 404).then_some(())
    })
    .await;
    let second = Node::start(&broker).await;
    let scrape = eventually("the index is filled", async || {
        let scrape = Scrape::of(&second.client()).await;
        (scrape.get("jettimer_index_ready") == 1.0).then_some(scrape)
    })
    .await;
    assert_eq!((scrape.get("jettimer_index_lag_changes"), scrape.get("jettimer_index_timers")), (0.0, 0.0));
}
