//! Timers that are over and have left do not come back, though nats-server is killed and reads its blocks again.
//!
//! The bucket gets blocks that keep more than half of what was written to them, beside blocks that die as a whole: a version
//! of a record that was overwritten lies in the first kind, and what says so in the second.

use std::collections::HashSet;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::jetstream::until_swept;
use crate::support::{Broker, Client, Node, Sink, eventually, in_millis, now_micros};

/// How many timers there are, and how many bytes each sends: two blocks of 4 MiB, and a part of a third.
const TIMERS: usize = 480;
const BODY_BYTES: usize = 17_000;

/// So many are created by one request, which takes 8 MiB.
const AT_ONCE: usize = 240;

/// A node that keeps finished timers for two seconds, and sweeps once a second.
const FORGETFUL: [&str; 6] = ["--retention", "2s", "--sweep-interval", "1s", "--sweep-grace", "1s"];

/// How long no block has been written to once the store is compacted: it syncs and compacts once a second.
const SETTLED_FOR: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_finished_timer_is_not_called_again_after_nats_is_killed() {
    after_nats_is_killed(1).await;
}

#[tokio::test]
async fn finished_timers_that_were_created_in_a_row_are_not_called_again_after_nats_is_killed() {
    after_nats_is_killed(40).await;
}

/// `run` timers in a row are due soon, and three times as many that follow are not; some of these are cancelled.
async fn after_nats_is_killed(run: usize) {
    let mut broker = Broker::start().await;
    let node = Node::with(&broker, &FORGETFUL).await;
    let (client, sink) = (node.client(), Sink::start().await);
    let is_soon = |n: usize| n % (run * 4) < run;
    let is_cancelled = |n: usize| !is_soon(n) && n.is_multiple_of(5);
    // Half of what is cancelled would be due by the time that it comes back.
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
            // A machine may be so slow that it is too late.
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
        // What the broker brings back all the same is not known to be over, and is not called.
        assert!(reply.status == 404 || reply.json["state"] == "unknown", "{reply:?}");
    }
}

/// Creates these with one request, and gives their ids.
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
