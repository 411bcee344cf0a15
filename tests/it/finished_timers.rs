//! Timers that are over and have left do not come back, although nats-server is killed and reads its blocks again.
//!
//! Some blocks of the bucket keep more than half of their bytes, while other blocks die as a whole. An overwritten version
//! of a record lies in a block of the first kind, and the message that overwrites it in one of the second.

use std::collections::HashSet;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::jetstream::until_swept;
use crate::support::{Broker, Client, Node, Sink, eventually, in_millis, now_micros};

/// The number of timers, and the bytes that each sends: two blocks of 4 MiB, and a part of a third.
const TIMERS: usize = 480;
const BODY_BYTES: usize = 17_000;

/// How many timers one request creates, which may have 8 MiB.
const AT_ONCE: usize = 240;

/// The arguments of a node that keeps finished timers for two seconds, and sweeps once a second.
const FORGETFUL: [&str; 6] = ["--retention", "2s", "--sweep-interval", "1s", "--sweep-grace", "1s"];

/// How long no block may be written to before the store counts as compacted: it syncs and compacts once a second.
const SETTLED_FOR: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_finished_timer_is_not_called_again_after_nats_is_killed() {
    after_nats_is_killed(1).await;
}

#[tokio::test]
async fn finished_timers_that_were_created_in_a_row_are_not_called_again_after_nats_is_killed() {
    after_nats_is_killed(40).await;
}

/// `run` timers in a row are due soon, and three times as many after them are not; some of the latter are cancelled.
async fn after_nats_is_killed(run: usize) {
    let mut broker = Broker::start().await;
    let node = Node::with(&broker, &FORGETFUL).await;
    let (client, sink) = (node.client(), Sink::start().await);
    let is_soon = |n: usize| n % (run * 4) < run;
    let is_cancelled = |n: usize| !is_soon(n) && n.is_multiple_of(5);
    // Half of the cancelled timers would be due by the time that they come back.
    let is_due = |n: usize| is_soon(n) || (is_cancelled(n) && n.is_multiple_of(2));
    let (soon, far) = (in_millis(8_000), in_millis(18_000_000));
    let timers: Vec<Value> = (0..TIMERS)
        .map(|n| {
            let at = if is_due(n) { &soon } else { &far };
            json!({ "at": at, "url": sink.url("/ok"), "body_text": "x".repeat(BODY_BYTES) })
        })
        .collect();
    let mut ids = vec![];
    let (mut called, mut cancelled) = (HashSet::new(), HashSet::new());
    for timers in timers.chunks(AT_ONCE) {
        let first = ids.len();
        ids.extend(create(&client, timers).await);
        let wishes = (first..ids.len()).filter(|n| is_cancelled(*n)).map(async |n| {
            // On a slow machine the cancel may be too late.
            (ids[n].clone(), client.cancel(&ids[n]).await.status == 200)
        });
        for (id, is_done) in join_all(wishes).await {
            if is_done {
                cancelled.insert(id)
            } else {
                called.insert(id)
            };
        }
    }
    called.extend((0..TIMERS).filter(|n| is_soon(*n)).map(|n| ids[n].clone()));
    sink.until(called.len()).await;
    let stay = TIMERS - called.len() - cancelled.len();
    eventually("what is over has left", async || {
        let counts = client.send(reqwest::Method::GET, "/timers/counts", &[], "").await.json;
        (counts["total"] == stay).then_some(())
    })
    .await;
    eventually("the store is compacted", async || (since_written(&broker) >= SETTLED_FOR).then_some(()))
        .await;

    broker.kill().await;
    broker.restart().await;
    until_swept(&client, 3.0).await;

    let counts = sink.counts();
    let again = counts.values().filter(|count| **count > 1).count();
    let though_cancelled = counts.keys().filter(|id| cancelled.contains(*id)).count();
    assert_eq!((again, though_cancelled), (0, 0), "of {} and {}", called.len(), cancelled.len());
    assert_eq!(counts.keys().cloned().collect::<HashSet<_>>(), called);
    for id in called.union(&cancelled) {
        let reply = client.send(reqwest::Method::GET, &format!("/timer/{id}"), &[], "").await;
        // If the broker brings a timer back, jettimer does not know that it is over, and does not call it.
        assert!(reply.status == 404 || reply.json["state"] == "unknown", "{reply:?}");
    }
}

/// Creates these timers with one request, and returns their ids.
async fn create(client: &Client, timers: &[Value]) -> Vec<String> {
    let body = serde_json::to_string(timers).unwrap();
    let headers = [("content-type", "application/json")];
    let reply = client.send(reqwest::Method::POST, "/timers", &headers, &body).await;
    let results = reply.json["results"].as_array().expect("results");
    results.iter().map(|result| result["timer"]["id"].as_str().expect("an id").to_owned()).collect()
}

/// How long ago a block of the bucket was written to.
fn since_written(broker: &Broker) -> Duration {
    let written = |block: std::fs::DirEntry| block.metadata().ok()?.modified().ok();
    let last = broker.blocks("KV_timers").into_iter().filter_map(written).max().expect("a block");
    let now = UNIX_EPOCH + Duration::from_micros(now_micros());
    now.duration_since(last).unwrap_or_default()
}
