//! The journal of calls: timers that a killed worker had claimed do not wait for their leases.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::support::disk::Disk;
use crate::support::raw::Raw;
use crate::support::{Broker, Client, Node, Sink, eventually, in_millis};

const TIMERS: usize = 2_000;

/// Longer than a test waits, so that no lease ends during a test.
const LONG: &str = "10m";

async fn noting(broker: &Broker, dir: &Path) -> Node {
    Node::with(broker, &["--journal-dir", dir.to_str().unwrap()]).await
}

/// The log entry of a node with this level and text, if there is one.
fn said(node: &Node, level: &str, text: &str) -> Option<Value> {
    node.logged(level).into_iter().find(|entry| entry.to_string().contains(text))
}

async fn has_read(node: &Node) {
    eventually("the journal is read", async || said(node, "INFO", "read the journal of a node")).await;
}

#[tokio::test]
async fn of_a_killed_worker_no_timer_is_lost_or_called_twice_and_what_is_unknown_was_being_written() {
    let (broker, dir) = (Broker::start().await, TempDir::new().unwrap());
    let serving = Node::with(&broker, &["--role", "api"]).await;
    let worker = ["--role", "worker", "--journal-dir", dir.path().to_str().unwrap()];
    let mut victim = Node::with(&broker, &worker).await;
    let sink = Sink::start().await;
    let timer = json!({ "at": in_millis(6_000), "url": sink.url("/slow/2"), "timeout": LONG });
    let mut ids = Vec::with_capacity(TIMERS);
    for _ in 0..TIMERS {
        ids.push(serving.client().create(&timer).await);
    }
    sink.until(TIMERS * 3 / 10).await;
    victim.kill().await;
    let heir = Node::with(&broker, &worker).await;
    has_read(&heir).await;
    let (mut unknown, mut unseen) = (0, 0);
    for id in &ids {
        let ended = serving.client().until_final(id).await;
        match (ended["state"].as_str(), sink.hits_of(id).len()) {
            (Some("delivered"), 1) => {}
            (Some("unknown"), 1) => unknown += 1,
            (Some("unknown"), 0) => unseen += 1,
            (_, hits) => panic!("called {hits} times: {ended}"),
        }
    }
    assert!(unknown < TIMERS / 4, "{unknown} are unknown");
    // A thread that is killed between its mark and its first byte looks the same as one that is killed after it.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    assert!(unseen <= threads, "{unseen} are unknown that the receiver did not see, by {threads} threads");
}

#[tokio::test]
async fn what_was_on_its_way_is_unknown_or_called_again_as_soon_as_a_node_is_there() {
    let (broker, dir) = (Broker::start().await, TempDir::new().unwrap());
    let mut victim = noting(&broker, dir.path()).await;
    let sink = Sink::start().await;
    let timer = |delivery: &str| json!({ "delay": "0s", "url": sink.url("/hang"), "delivery": delivery, "timeout": LONG });
    let once = victim.client().create(&timer("at_most_once")).await;
    let again = victim.client().create(&timer("at_least_once")).await;
    sink.until(2).await;
    victim.kill().await;
    sink.release();
    let heir = noting(&broker, dir.path()).await;
    assert_eq!(heir.client().until(&once, "unknown").await["attempts"], 1);
    assert_eq!(heir.client().until(&again, "delivered").await["attempts"], 2);
    assert_eq!((sink.hits_of(&once).len(), sink.hits_of(&again).len()), (1, 2));
}

/// A receiver that accepts connections and never starts TLS, so that no request is ever written to it.
async fn mute() -> (Raw, Arc<Notify>) {
    let connected = Arc::new(Notify::new());
    let tell = connected.clone();
    let receiver = Raw::start(move |mut stream: TcpStream| {
        let tell = tell.clone();
        async move {
            tell.notify_one();
            let _ = stream.read_to_end(&mut vec![]).await;
        }
    })
    .await;
    (receiver, connected)
}

/// Waits until the timer is called under another claim than before.
async fn is_claimed_again(client: &Client, id: &str, connected: &Notify) {
    connected.notified().await;
    let timer = client.until(id, "firing").await;
    assert_eq!(timer["attempts"], 1, "a call that was not made is no attempt: {timer}");
}

#[tokio::test]
async fn what_was_not_written_fires_again_at_once_without_an_attempt_used_up() {
    let (broker, dir) = (Broker::start().await, TempDir::new().unwrap());
    let mut victim = noting(&broker, dir.path()).await;
    let (receiver, connected) = mute().await;
    let url = format!("https://{}/", receiver.address());
    let id = victim.client().create(&json!({ "delay": "0s", "url": url, "timeout": LONG })).await;
    connected.notified().await;
    victim.kill().await;
    let heir = noting(&broker, dir.path()).await;
    is_claimed_again(&heir.client(), &id, &connected).await;
}

#[tokio::test]
async fn a_stop_that_runs_out_of_time_gives_back_what_was_not_written() {
    let broker = Broker::start().await;
    let mut leaving = Node::with(&broker, &["--drain-timeout", "100ms"]).await;
    let (receiver, connected) = mute().await;
    let url = format!("https://{}/", receiver.address());
    let id = leaving.client().create(&json!({ "delay": "0s", "url": url, "timeout": LONG })).await;
    connected.notified().await;
    leaving.terminate();
    assert_eq!(leaving.exit_code().await, Some(0));
    let heir = Node::start(&broker).await;
    is_claimed_again(&heir.client(), &id, &connected).await;
}

#[tokio::test]
async fn an_answer_that_could_not_be_stored_is_stored_by_the_next_node() {
    let (broker, dir) = (Broker::start().await, TempDir::new().unwrap());
    let mut victim = noting(&broker, dir.path()).await;
    let sink = Sink::start().await;
    let client = victim.client();
    let id = client.create(&json!({ "delay": "0s", "url": sink.url("/hang"), "timeout": LONG })).await;
    sink.until(1).await;
    broker.pause();
    sink.release();
    eventually("the answer is read", async || {
        let reply = client.try_send(reqwest::Method::GET, "/metrics", &[], "").await.ok()?;
        let text = reply.json.as_str()?.to_owned();
        text.contains("jettimer_calls_total{result=\"2xx\"} 1").then_some(())
    })
    .await;
    victim.kill().await;
    broker.resume();
    let heir = noting(&broker, dir.path()).await;
    let delivered = heir.client().until(&id, "delivered").await;
    assert_eq!(delivered["last_attempt"]["status"], 200, "{delivered}");
    assert_eq!(sink.hits_of(&id).len(), 1);
}

#[tokio::test]
async fn a_journal_that_is_not_this_nodes_predecessors_changes_nothing() {
    let (broker, dir) = (Broker::start().await, TempDir::new().unwrap());
    let mut victim = noting(&broker, dir.path()).await;
    let sink = Sink::start().await;
    let timer = json!({ "delay": "0s", "url": sink.url("/hang"), "timeout": LONG });
    let id = victim.client().create(&timer).await;
    sink.until(1).await;
    victim.kill().await;
    // The heir gets copies of the files, a file that is too short, and one with other content.
    let copy = TempDir::new().unwrap();
    let files: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    for file in &files {
        std::fs::copy(file, copy.path().join(file.file_name().unwrap())).unwrap();
    }
    std::fs::write(copy.path().join("calls-1.journal"), "a letter").unwrap();
    std::fs::write(copy.path().join("calls-2.journal"), [0x5A; 100_000]).unwrap();
    let heir = noting(&broker, copy.path()).await;
    let fired = heir.client().create(&json!({ "delay": "0s", "url": sink.url("/ok") })).await;
    heir.client().until(&fired, "delivered").await;
    assert!(said(&heir, "INFO", "read the journal").is_none());
    assert_eq!(heir.client().get(&id).await["state"], "firing");
    assert_eq!(sink.hits_of(&id).len(), 1);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_to_is_said_and_changes_nothing() {
    let (broker, folder) = (Broker::start().await, TempDir::new().unwrap());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let node = noting(&broker, &file.join("journal")).await;
    assert!(said(&node, "WARN", "--journal-dir").is_some(), "it says what to do");
    let sink = Sink::start().await;
    let id = node.client().create(&json!({ "delay": "0s", "url": sink.url("/ok") })).await;
    node.client().until(&id, "delivered").await;
}

#[tokio::test]
async fn two_nodes_on_one_directory_have_a_file_each_and_a_rolling_restart_is_read_in_the_end() {
    let (broker, dir) = (Broker::start().await, TempDir::new().unwrap());
    let mut old = noting(&broker, dir.path()).await;
    let sink = Sink::start().await;
    let timer = json!({ "delay": "0s", "url": sink.url("/hang"), "timeout": LONG });
    let id = old.client().create(&timer).await;
    sink.until(1).await;
    // The new node starts while the old one finishes its calls.
    old.terminate();
    let mut new = noting(&broker, dir.path()).await;
    assert!(said(&new, "INFO", "a file of its own").is_some());
    assert_eq!(new.client().get(&id).await["state"], "firing", "what a living node does is its own");
    old.kill().await;
    new.kill().await;
    let third = noting(&broker, dir.path()).await;
    third.client().until(&id, "unknown").await;
    assert_eq!(sink.hits_of(&id).len(), 1);
}

#[tokio::test]
async fn a_disk_that_is_full_changes_nothing_for_any_timer() {
    let (broker, folder) = (Broker::start().await, TempDir::new().unwrap());
    let disk = match Disk::mount(&folder.path().join("disk")) {
        Ok(disk) => disk,
        Err(why) => return skipped(&why),
    };
    let dir = folder.path().join("disk/journal");
    let mut node = noting(&broker, &dir).await;
    let sink = Sink::start().await;
    // The room for each mark was reserved before, so marks on a full disk are believed.
    disk.fill();
    let hanging = json!({ "delay": "0s", "url": sink.url("/hang"), "timeout": LONG });
    let id = node.client().create(&hanging).await;
    sink.until(1).await;
    node.kill().await;
    let mut heir = noting(&broker, &dir).await;
    // The new node has no room for a file of its own, and without one it believes nothing in the old files.
    assert!(said(&heir, "WARN", "there is no journal of calls").is_some());
    assert_eq!(heir.client().get(&id).await["state"], "firing");
    let fired = heir.client().create(&json!({ "delay": "0s", "url": sink.url("/ok") })).await;
    heir.client().until(&fired, "delivered").await;
    heir.kill().await;
    disk.clear();
    let next = noting(&broker, &dir).await;
    next.client().until(&id, "unknown").await;
    assert_eq!(sink.hits_of(&id).len(), 1);
}

/// Prints that the test was skipped, since a test that checks nothing passes.
#[expect(clippy::print_stderr, reason = "for the reader of a run's log")]
fn skipped(why: &str) {
    eprintln!("NOT CHECKED: what becomes of a journal on a full disk: {why}");
}
