//! A panic of a task is noticed: if the node needs the task, the node ends in order; one of many tasks harms nothing else.
//!
//! The program is the shipped one. The system fails: the clock cannot be read once, and the standard library panics in the
//! code that the thread runs at that moment.

use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::support::wrong_clock::WrongClock;
use crate::support::{Broker, Client, Node, Sink, eventually, in_millis};

/// The runtime's threads, which run tasks.
const RUNTIME: &str = "tokio-rt-worker";

/// The log entry of a panic, and the lines that were logged as text and not as JSON.
fn panic_logged(node: &Node) -> (Value, Vec<Value>) {
    let panics: Vec<Value> =
        node.logged("ERROR").into_iter().filter(|line| line["location"].is_string()).collect();
    let [panic] = panics.as_slice() else { panic!("{panics:?}") };
    (panic.clone(), node.said())
}

/// Waits for a log entry about a failed task, and returns it.
async fn failed_task(node: &Node) -> Value {
    eventually("a task fails", async || {
        // The entry of the panic itself comes before, and has a location.
        node.logged("ERROR").into_iter().find(|line| line["task"].is_string() && line["location"].is_null())
    })
    .await
}

#[tokio::test]
async fn a_task_that_panics_ends_its_node_in_order_and_readyz_and_the_last_line_name_it() {
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    let staying = Node::with(&broker, &["--role", "api"]).await;
    let wrong = WrongClock::ahead(0);
    let mut node = Node::with_env(&broker, &[], &wrong.env()).await;
    let client = node.client();
    let calling = client.create(&json!({ "delay": "0s", "url": sink.url("/hang") })).await;
    sink.until(1).await;
    wrong.fail_in(RUNTIME);
    let task = failed_task(&node).await["task"].as_str().unwrap().to_owned();
    assert!(
        ["finder", "guard", "heartbeat", "sweeper"].contains(&task.as_str()),
        "{task} reads the clock, too"
    );

    // While the call is in progress the node still answers, and says why it ends.
    let reason = eventually("it is not ready", async || {
        let reply = client.send(Method::GET, "/readyz", &[], "").await;
        (reply.status == 503).then(|| (reply.json["status"].clone(), reply.json["reason"].clone()))
    })
    .await;
    let told = format!("the task {task} failed, so the node stops: see its log");
    assert_eq!(reason, (json!("stopping"), json!(told)));
    let metrics = client.send(Method::GET, "/metrics", &[], "").await.json;
    let counted = format!("jettimer_task_failures_total{{task=\"{task}\"}} 1\n");
    assert!(metrics.as_str().unwrap().contains(&counted), "{metrics}");
    if task == "finder" {
        assert_eq!(client.send(Method::GET, "/timers", &[], "").await.status, 503, "an index that is frozen");
    }
    sink.release();
    assert_eq!(node.exit_code().await, Some(1));
    assert_eq!(staying.client().get(&calling).await["state"], "delivered");
    let last = eventually("its last word", async || node.said().pop()).await;
    let told = format!("jettimer: stopped, since the task {task} has panicked: ");
    assert!(last.as_str().unwrap().starts_with(&told), "{last}");
    let (panic, said) = panic_logged(&node);
    assert_eq!((&panic["thread"], &panic["task"]), (&json!(RUNTIME), &json!(task)));
    assert!(panic["panic"].as_str().unwrap().contains("Invalid argument"), "{panic}");
    assert_eq!(said, [last], "all else is JSON, a line for each");
}

#[tokio::test]
async fn a_node_whose_alarm_panics_ends_and_another_wakes_its_timers() {
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    let staying = Node::with(&broker, &["--role", "api"]).await;
    let wrong = WrongClock::ahead(0);
    let mut node = Node::with_env(&broker, &["--role", "worker"], &wrong.env()).await;
    let mut ids = vec![];
    for n in 0..20 {
        let timer = json!({ "at": in_millis(1_000 + n * 100), "url": sink.url("/ok") });
        ids.push(staying.client().create(&timer).await);
    }
    wrong.fail_in("alarm");
    assert_eq!(node.exit_code().await, Some(1));
    let last = eventually("its last word", async || node.said().pop()).await;
    let told = "jettimer: stopped, since the task alarm has panicked: ";
    assert!(last.as_str().unwrap().starts_with(told), "{last}");
    let (panic, said) = panic_logged(&node);
    assert_eq!((&panic["thread"], said), (&json!("alarm"), vec![last]));
    let _heir = Node::with(&broker, &["--role", "worker"]).await;
    for id in &ids {
        staying.client().until(id, "delivered").await;
    }
    assert!(sink.counts().values().all(|count| *count == 1));
}

#[tokio::test]
async fn a_wake_whose_task_panics_comes_again_and_its_node_goes_on() {
    let (broker, sink) = (Broker::start().await, Sink::start().await);
    let mut ids = vec![];
    // Most tasks that read the clock at that moment attend to wakes. If the panic hit another task, the node has ended.
    for _ in 0..10 {
        let wrong = WrongClock::ahead(0);
        let node = Node::with_env(&broker, &[], &wrong.env()).await;
        let client = node.client();
        let timer = json!({
            "at": in_millis(2_000), "url": sink.url("/ok"), "delivery": "at_least_once", "timeout": "1s",
        });
        let many = Value::Array(vec![timer; 500]).to_string();
        let headers = [("content-type", "application/json")];
        let reply = client.send(Method::POST, "/timers", &headers, &many).await;
        let results = reply.json["results"].as_array().unwrap();
        ids.extend(results.iter().map(|result| result["timer"]["id"].as_str().unwrap().to_owned()));
        sink.until(sink.hits().len() + 1).await;
        wrong.fail_in(RUNTIME);
        let failed = failed_task(&node).await;
        if failed["task"] != "wake" {
            continue;
        }
        let timer = failed["timer"].as_str().unwrap();
        assert!(ids.iter().any(|id| id == timer), "{failed}");
        let (panic, said) = panic_logged(&node);
        assert_eq!((&panic["task"], &panic["timer"]), (&json!("wake"), &json!(timer)));
        assert!(said.is_empty(), "{said:?}");
        for id in &ids {
            client.until(id, "delivered").await;
        }
        let shown = async |line: &str| {
            let metrics = client.send(Method::GET, "/metrics", &[], "").await.json;
            metrics.as_str().unwrap().contains(line)
        };
        assert!(shown("jettimer_task_failures_total{task=\"wake\"} 1\n").await);
        let free = "\njettimer_wakes_held 0\n";
        eventually("all places are given back", async || shown(free).await.then_some(())).await;
        assert_eq!(client.send(Method::GET, "/readyz", &[], "").await.status, 200);
        return;
    }
    panic!("no wake was hit");
}

/// Otherwise each entry that cannot be written would be a panic, and so the end of the node.
#[tokio::test]
async fn a_node_whose_log_is_not_read_goes_on() {
    let (mut broker, sink) = (Broker::start().await, Sink::start().await);
    let mut child = Command::new(env!("CARGO_BIN_EXE_jettimer"))
        .args(["serve", "--log-format", "json", "--log", "debug", "--insecure-no-auth"])
        .args(["--listen", "127.0.0.1:0", "--allow-targets", "127.0.0.0/8", "--journal-dir", "off"])
        .args(broker.args("node"))
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("it gets ready");
        let entry: Value = serde_json::from_str(&line).unwrap();
        if entry["message"] == "ready" {
            break entry["listen"].as_str().unwrap().to_owned();
        }
    };
    drop(lines);
    let client = Client::new(&address);
    let id = client.create(&json!({ "delay": "100ms", "url": sink.url("/ok") })).await;
    client.until(&id, "delivered").await;
    // The same for warnings.
    broker.kill().await;
    broker.restart().await;
    let ready = async || (client.send(Method::GET, "/readyz", &[], "").await.status == 200).then_some(());
    eventually("it is ready again", ready).await;
    assert_eq!(child.try_wait().unwrap(), None);
}
