//! The disk of NATS is full: nodes refuse new timers, keep their promises, and tell the operator what to do.

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::disk::Disk;
use crate::support::{Broker, Node, Sink, eventually};

#[tokio::test]
async fn a_full_disk_refuses_new_timers_and_loses_none() {
    let folder = TempDir::new().unwrap();
    let disk = match Disk::mount(&folder.path().join("disk")) {
        Ok(disk) => disk,
        Err(why) => return skipped(&why),
    };
    let mut broker = Broker::in_folder(folder, "disk").await;
    let node = Node::with(&broker, &["--request-timeout", "2s"]).await;
    let (client, sink) = (node.client(), Sink::start().await);
    let mut kept = vec![];
    for _ in 0..20 {
        kept.push(client.create(&json!({ "delay": "5s", "url": sink.url("/ok") })).await);
    }

    disk.fill();
    // NATS first uses up the rest of the blocks that it has begun.
    let large = json!({ "delay": "1h", "url": sink.url("/ok"), "body_text": "x".repeat(100_000) });
    let refused = eventually("a timer is refused", async || {
        let reply = client.post(&large).await;
        (reply.status != 201).then_some(reply)
    })
    .await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").parse::<u64>().is_ok());
    // The log says so too, so that operators do not have to infer it from 503s.
    eventually("the log asks for room", async || {
        assert_eq!(client.post(&large).await.status, 503);
        node.logged("ERROR").iter().find(|line| line.to_string().contains("Is its disk full?")).map(|_| ())
    })
    .await;
    assert_eq!(client.send(Method::GET, "/readyz", &[], "").await.status, 503);

    disk.clear();
    broker.kill().await;
    broker.restart().await;
    eventually("it is ready again", async || {
        (client.send(Method::GET, "/readyz", &[], "").await.status == 200).then_some(())
    })
    .await;
    for id in &kept {
        client.until_final(id).await;
        assert!(sink.hits_of(id).len() <= 1, "called twice");
    }
    let after = client.create(&json!({ "delay": "0s", "url": sink.url("/ok") })).await;
    client.until(&after, "delivered").await;
}

/// Prints that the test was skipped, since a test that checks nothing passes.
#[expect(clippy::print_stderr, reason = "for the reader of a run's log")]
fn skipped(why: &str) {
    eprintln!("NOT CHECKED: what becomes of a full disk: {why}");
}
