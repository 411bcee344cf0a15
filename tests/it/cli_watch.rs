//! `jettimer watch` tells events as they happen, also across interruptions of its connection.

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout};

use crate::support::cli::{command, run};
use crate::support::{Broker, Client, Node, PATIENCE, Sink};

/// A running `jettimer watch`.
struct Watching {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl Watching {
    fn start(server: &str, args: &[&str]) -> Self {
        let mut child = command(&[&["watch", "-o", "json"], args].concat());
        let mut child = child.env("JETTIMER_SERVER", server).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let err = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        Self { child, out, err }
    }

    async fn event(&mut self) -> serde_json::Value {
        let line = tokio::time::timeout(PATIENCE, self.out.next_line()).await.expect("an event in time");
        serde_json::from_str(&line.expect("a line").expect("no end")).expect("JSON")
    }

    async fn said(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.err.next_line()).await.expect("a word in time");
        line.expect("a line").unwrap_or_default()
    }

    /// Reads the names of the next `count` events of one timer.
    async fn names(&mut self, id: &str, count: usize) -> Vec<String> {
        let mut names = vec![];
        while names.len() < count {
            let event = self.event().await;
            if event["timer"]["id"] == id {
                names.push(event["event"].as_str().expect("a name").to_owned());
            }
        }
        names
    }

    async fn code(mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").expect("a status").code()
    }
}

async fn create(client: &Client, sink: &Sink, delay: &str) -> String {
    client.create(&json!({ "delay": delay, "url": sink.url("/ok") })).await
}

#[tokio::test]
async fn a_watch_goes_on_at_the_event_after_the_last_when_the_node_comes_back() {
    let broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let address = node.client().url("");
    let mut watching = Watching::start(&address, &[]);
    // It is connected once it hears an event.
    let first = loop {
        let id = create(&node.client(), &sink, "1h").await;
        if let Ok(event) = tokio::time::timeout(std::time::Duration::from_secs(1), watching.event()).await {
            assert_eq!(event["event"], "created");
            break id;
        }
    };
    node.kill().await;
    assert!(watching.said().await.contains("connecting again"));
    // A timer that changes meanwhile at another node is told afterwards, as it is then.
    let other = Node::start(&broker).await;
    other.client().cancel(&first).await;
    let missed = create(&other.client(), &sink, "0s").await;
    other.client().until(&missed, "delivered").await;
    let listen = address.strip_prefix("http://").unwrap();
    let _node = Node::with(&broker, &["--listen", listen]).await;
    assert_eq!(watching.names(&missed, 1).await, ["delivered"]);
    assert!(watching.said().await.contains("connected again"));

    let pid = rustix::process::Pid::from_raw(watching.child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(watching.said().await, "");
    assert_eq!(watching.code().await, Some(130));
}

#[tokio::test]
async fn one_timer_is_watched_to_its_end_whatever_happens_to_the_node() {
    let broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let id = create(&node.client(), &sink, "1h").await;
    let address = node.client().url("");
    let mut watching = Watching::start(&address, &[&id]);
    let other = Node::start(&broker).await;
    loop {
        other.client().patch(&id, &json!({ "delay": "1h" })).await;
        if tokio::time::timeout(std::time::Duration::from_secs(1), watching.event()).await.is_ok() {
            break;
        }
    }
    node.kill().await;
    other.client().patch(&id, &json!({ "seconds": 0 })).await;
    other.client().until(&id, "delivered").await;
    let _node = Node::with(&broker, &["--listen", address.strip_prefix("http://").unwrap()]).await;
    assert_eq!(watching.code().await, Some(0));

    // A timer that is over already has its end told, too. A filter next to an id is refused.
    let over = run(&other.client(), &["watch", &id]).await;
    assert_eq!(over.code, Some(0));
    assert!(over.out.contains("\tdelivered\t"), "{over:?}");
    assert_eq!(run(&other.client(), &["watch", &id, "--host", "a"]).await.code, Some(2));
    let nobody = "0198f0f0-0000-7000-8000-00000000002a";
    assert_eq!(run(&other.client(), &["watch", nobody]).await.code, Some(3));
}
