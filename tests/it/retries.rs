//! Retries: which calls are tried again, which are not, and when a timer is given up.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::{Broker, Node, Sink, micros_of};

const QUICK: &str = "50ms";

fn retry(attempts: u32) -> Value {
    json!({ "max_attempts": attempts, "initial_backoff": QUICK, "max_backoff": "200ms" })
}

/// A port on which nothing listens.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_in_both_modes_until_the_receiver_is_there() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let port = free_port().await;
    let url = format!("http://127.0.0.1:{port}/ok");
    let mut ids = Vec::new();
    for delivery in ["at_most_once", "at_least_once"] {
        let timer = json!({ "delay": "0s", "url": url, "delivery": delivery, "retry": retry(100) });
        ids.push(client.create(&timer).await);
    }
    for id in &ids {
        crate::support::eventually("two attempts have failed", async || {
            let timer = client.get(id).await;
            (timer["attempts"].as_u64() >= Some(2)).then_some(())
        })
        .await;
        let waiting = client.get(id).await;
        assert_eq!(waiting["time_left"], 0);
        assert_eq!(waiting["last_attempt"]["result"], "not_sent");
    }
    let sink = Sink::start_on(port).await;
    for id in &ids {
        let delivered = client.until(id, "delivered").await;
        assert!(delivered["attempts"].as_u64() >= Some(3), "{delivered}");
        assert_eq!(sink.hits_of(id).len(), 1);
    }
}

#[tokio::test]
async fn attempts_run_out_and_the_record_says_why() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let url = format!("http://127.0.0.1:{}/", free_port().await);
    let refused = client.create(&json!({ "delay": "0s", "url": url, "retry": retry(3) })).await;
    let nowhere =
        client.create(&json!({ "delay": "0s", "url": "http://nowhere.invalid/", "retry": retry(2) })).await;
    for (id, attempts) in [(refused, 3), (nowhere, 2)] {
        let failed = client.until(&id, "failed").await;
        assert_eq!(failed["attempts"], attempts);
        let reason = failed["reason"].as_str().unwrap();
        assert!(reason.contains("not reached") && reason.contains("last one allowed"), "{reason}");
    }
    // One line for each final failure.
    assert_eq!(node.logged("WARN").len(), 2, "{:?}", node.logged("WARN"));
}

#[tokio::test]
async fn an_answer_other_than_2xx_fails_at_most_once_and_is_retried_at_least_once() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let sink = Sink::start().await;
    for (delivery, path, state, calls) in [
        ("at_most_once", "/status/503", "failed", 1),
        ("at_most_once", "/status/429", "failed", 1),
        ("at_most_once", "/reset", "failed", 1),
        ("at_least_once", "/status/503/times/2", "delivered", 3),
        ("at_least_once", "/status/408/times/1", "delivered", 2),
        ("at_least_once", "/status/429/times/1", "delivered", 2),
        ("at_least_once", "/status/404", "failed", 1),
        ("at_least_once", "/status/500", "failed", 4),
        ("at_least_once", "/reset", "failed", 4),
    ] {
        let timer = json!({ "delay": "0s", "url": sink.url(path), "delivery": delivery, "retry": retry(4) });
        let id = client.create(&timer).await;
        let finished = client.until_final(&id).await;
        assert_eq!(finished["state"], state, "{delivery} {path}: {finished}");
        let hits = sink.hits_of(&id);
        assert_eq!(hits.len(), calls, "{delivery} {path}");
        let attempts: Vec<&str> =
            hits.iter().map(|hit| hit.headers["jettimer-attempt"].to_str().unwrap()).collect();
        assert_eq!(attempts, ["1", "2", "3", "4"][..calls]);
    }
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_pause_gets_it_and_each_attempt_is_kept_with_its_answer() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let policy = json!({ "max_attempts": 3, "initial_backoff": "10ms", "max_backoff": "1m" });
    let timer =
        json!({ "seconds": 0, "url": sink.url("/later/1"), "delivery": "at_least_once", "retry": policy });
    let id = client.create(&timer).await;
    let delivered = client.until(&id, "delivered").await;
    let log = delivered["attempt_log"].as_array().unwrap();
    assert_eq!((&log[0]["status"], &log[0]["retry_after_ms"]), (&json!(503), &json!(1_000)));
    assert_eq!(log[0]["answer"], json!({ "text": "seen", "bytes": 4, "truncated": false }));
    let phases = &log[0]["phases_ms"];
    assert!(phases["connect"].is_number() && phases["tls"].is_null(), "{phases}");
    assert!(phases["first_byte"].as_f64() <= phases["total"].as_f64(), "{phases}");
    // The instants are by the node's own clock.
    let left_alone = micros_of(&log[1]["claimed_at"]) - micros_of(&log[0]["finished_at"]);
    assert!(left_alone >= 1_000_000, "{delivered}");

    // The deadline ends the timer before the receiver's `Retry-After` is over.
    let policy =
        json!({ "max_attempts": 3, "initial_backoff": "10ms", "max_backoff": "1m", "deadline": "800ms" });
    let timer =
        json!({ "seconds": 0, "url": sink.url("/later/1"), "delivery": "at_least_once", "retry": policy });
    let id = client.create(&timer).await;
    let failed = client.until(&id, "failed").await;
    assert!(failed["reason"].as_str().unwrap().ends_with("past the deadline of 800ms"), "{failed}");

    // A client can choose the retried statuses, except 410.
    let policy = json!({ "max_attempts": 2, "initial_backoff": "10ms", "statuses": [404, "3xx"] });
    for (path, attempts) in [("/status/404", 2), ("/status/302", 2), ("/status/503", 1), ("/status/410", 1)] {
        let timer =
            json!({ "seconds": 0, "url": sink.url(path), "delivery": "at_least_once", "retry": policy });
        let id = client.create(&timer).await;
        assert_eq!(client.until(&id, "failed").await["attempts"], attempts, "{path}");
    }
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_in_time_is_a_failure_or_a_retry() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let sink = Sink::start().await;
    for (delivery, calls) in [("at_most_once", 1), ("at_least_once", 2)] {
        let timer = json!({
            "delay": "0s", "url": sink.url("/hang"), "delivery": delivery, "timeout": "200ms", "retry": retry(2),
        });
        let id = client.create(&timer).await;
        let failed = client.until(&id, "failed").await;
        assert_eq!(failed["last_attempt"]["result"], "no_answer", "{failed}");
        assert_eq!(sink.hits_of(&id).len(), calls);
    }
}

#[tokio::test]
async fn a_connection_that_is_never_made_is_not_a_call_however_short_the_timeout() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    // No process accepts here, and the queue is full: further attempts to connect get no answer.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queue.push(stream);
    }
    let timer =
        json!({ "delay": "0s", "url": format!("http://{address}/"), "timeout": "1s", "retry": retry(2) });
    let failed = client.until_final(&client.create(&timer).await).await;
    assert_eq!((&failed["state"], &failed["attempts"]), (&json!("failed"), &json!(2)), "{failed}");
    assert_eq!(failed["last_attempt"]["result"], "not_sent");
}
