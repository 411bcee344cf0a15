//! The permissions of nodes and other programs on NATS: the least that nodes need, and no access to timers for others.
//!
//! All tests show that this least is enough: each node is the user of its role (`support::broker`), and a node that NATS
//! refuses a request fails its test (`support::node`).

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::sync::mpsc;

use crate::feed::Reader;
use crate::support::{Broker, Node, PATIENCE, Sink, eventually};

/// The subjects with which a program could change the timers of others.
const CHANGES: [&str; 16] = [
    "$KV.timers.0198c0de-0000-7000-8000-000000000001",
    "timers.fire.0198c0de-0000-7000-8000-000000000001",
    "timers.schedule.0198c0de-0000-7000-8000-000000000001.1",
    "timers.event.0198c0de-0000-7000-8000-000000000001",
    "timers.nodes.0198c0de00007000800000000000001",
    "$KV.timers_sweep.lease",
    "$JS.API.STREAM.MSG.DELETE.TIMERS",
    "$JS.API.STREAM.CREATE.TIMERS",
    "$JS.API.STREAM.UPDATE.TIMERS",
    "$JS.API.STREAM.PURGE.KV_timers",
    "$JS.API.STREAM.DELETE.KV_timers",
    "$JS.API.STREAM.MSG.DELETE.KV_timers",
    "$JS.API.CONSUMER.CREATE.TIMERS.another.timers.fire.*",
    "$JS.API.CONSUMER.DELETE.TIMERS.workers",
    "$JS.API.CONSUMER.MSG.NEXT.TIMERS.workers",
    "$JS.ACK.TIMERS.workers.1.1.1.1.1",
];

/// The subjects with which a program could read records and wakes.
const READS: [&str; 8] = [
    "$JS.API.STREAM.INFO.KV_timers",
    "$JS.API.STREAM.MSG.GET.KV_timers",
    "$JS.API.DIRECT.GET.KV_timers",
    "$JS.API.DIRECT.GET.TIMERS",
    "$JS.API.CONSUMER.CREATE.KV_timers",
    "$JS.API.CONSUMER.CREATE.KV_timers.scan",
    "$JS.API.CONSUMER.MSG.NEXT.KV_timers.scan",
    "$JS.API.STREAM.SNAPSHOT.KV_timers",
];

/// A NATS user, and the requests that NATS refuses it.
struct Somebody {
    client: Client,
    refusals: mpsc::Receiver<String>,
}

impl Somebody {
    async fn is(broker: &Broker, user: &str) -> Self {
        let (refused, refusals) = mpsc::channel(64);
        let options = ConnectOptions::new().event_callback(move |event| {
            let refused = refused.clone();
            async move {
                if let Event::ServerError(error) = event {
                    refused.send(error.to_string()).await.expect("the test lives");
                }
            }
        });
        Self { client: broker.client_of(user, options).await, refusals }
    }

    async fn is_refused(&mut self, subject: &str) {
        let refusal = tokio::time::timeout(PATIENCE, self.refusals.recv()).await;
        let refusal = refusal.unwrap_or_else(|_| panic!("{subject} is allowed")).expect("a connection");
        let (refusal, subject) = (refusal.to_lowercase(), subject.to_lowercase());
        assert!(refusal.contains("permissions violation") && refusal.contains(&subject), "{refusal}");
    }

    async fn may_not_publish(&mut self, subject: &str) {
        self.client.publish(subject.to_owned(), "{}".into()).await.unwrap();
        self.client.flush().await.unwrap();
        self.is_refused(subject).await;
    }

    async fn may_not_subscribe(&mut self, subject: &str) {
        let _subscription = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.client.flush().await.unwrap();
        self.is_refused(subject).await;
    }
}

#[tokio::test]
async fn over_tls_and_within_its_permissions_each_role_does_all_that_it_is_for() {
    let broker = Broker::with_tls().await;
    let api = Node::with(&broker, &["--role", "api", "--node-name", "api"]).await;
    let _worker = Node::with(&broker, &["--role", "worker", "--node-name", "worker"]).await;
    let sink = Sink::start().await;
    let client = api.client();
    let mut feed = Reader::open(&client, "", None).await;

    let id = client.create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    client.until(&id, "delivered").await;
    let delivery = "at_least_once";
    let retry = json!({ "initial_backoff": "10ms" });
    let again = json!({ "seconds": 0, "url": sink.url("/status/503/times/2"), "delivery": delivery, "retry": retry,
                        "on_delivered": sink.url("/told") });
    let id = client.create(&again).await;
    client.until(&id, "delivered").await;
    let told = async || sink.hits().into_iter().find(|hit| hit.path == "/told");
    eventually("the callback", told).await;

    let id = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    let listed = async || {
        let reply = client.send(reqwest::Method::GET, "/timers?state=scheduled", &[], "").await;
        (reply.json["timers"][0]["id"] == json!(id)).then_some(())
    };
    eventually("the index has it", listed).await;
    assert_eq!(client.cancel(&id).await.status, 200);
    while feed.next().await.0 != "cancelled" {}
    let both = async || {
        let reply = client.send(reqwest::Method::GET, "/nodes", &[], "").await;
        (reply.json["nodes"].as_array()?.len() == 2).then_some(())
    };
    eventually("the nodes hear each other", both).await;
    assert_eq!(client.send(reqwest::Method::GET, "/readyz", &[], "").await.status, 200);
}

#[tokio::test]
async fn without_a_key_or_with_the_authority_of_another_no_client_gets_in() {
    let broker = Broker::with_tls().await;
    let stranger = async_nats::connect(broker.url()).await;
    assert!(stranger.is_err(), "it speaks TLS with a client that does not know its authority");
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_jettimer"))
        .args(["serve", "--insecure-no-auth", "--listen", "127.0.0.1:0", "--nats-wait", "1s"])
        .args(broker.args("node").iter().filter(|arg| !arg.contains("nkey") && !arg.ends_with(".nk")))
        .output()
        .await
        .expect("jettimer runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("--nats-nkey"), "{said}");
}

#[tokio::test]
async fn a_neighbour_in_the_same_account_can_not_read_or_change_timers() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let mut neighbour = Somebody::is(&broker, "neighbour").await;
    // The neighbour may use its own subjects, and it may hear the answers to every program that does not protect its own.
    let mut own = neighbour.client.subscribe("neighbour.>").await.unwrap();
    let mut inboxes = neighbour.client.subscribe("_INBOX.>").await.unwrap();
    neighbour.client.publish("neighbour.hello", "".into()).await.unwrap();
    assert!(own.next().await.is_some());

    let id = node.client().create(&json!({ "seconds": 1, "url": sink.url("/ok"), "body": "secret" })).await;
    for subject in CHANGES.iter().chain(&READS) {
        neighbour.may_not_publish(subject).await;
    }
    for subject in ["$KV.timers.>", "timers.>", "timers.event.*", "timers.nodes.*", "_INBOX_jettimer.>", ">"]
    {
        neighbour.may_not_subscribe(subject).await;
    }
    node.client().until(&id, "delivered").await;
    assert_eq!(sink.counts()[&id], 1);
    let overheard = tokio::time::timeout(Duration::ZERO, inboxes.next()).await;
    assert!(overheard.is_err(), "{overheard:?}");
}

#[tokio::test]
async fn a_neighbour_in_another_account_does_not_even_see_that_there_are_timers() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let neighbour = Somebody::is(&broker, "stranger").await.client;
    let mut heard = neighbour.subscribe(">").await.unwrap();
    let id = node.client().create(&json!({ "seconds": 1, "url": sink.url("/ok") })).await;
    for subject in CHANGES.iter().chain(&READS) {
        neighbour.publish((*subject).to_owned(), "{}".into()).await.unwrap();
    }
    neighbour.publish(format!("$KV.timers.{id}"), "{}".into()).await.unwrap();
    neighbour.flush().await.unwrap();
    node.client().until(&id, "delivered").await;
    assert_eq!(sink.counts()[&id], 1);
    neighbour.publish("end", "".into()).await.unwrap();
    // The neighbour has heard its own messages, JetStream's answers to its own requests, and no other message.
    let mut own = 0;
    loop {
        let message = heard.next().await.unwrap();
        match message.subject.as_str() {
            "end" => break,
            subject if subject.starts_with("$JS.EVENT.ADVISORY.") => {
                assert!(!String::from_utf8_lossy(&message.payload).contains(&id), "{message:?}");
            }
            _ => own += usize::from(message.payload == "{}"),
        }
        assert!(message.payload == "{}" || message.subject.starts_with("$JS.EVENT."), "{message:?}");
    }
    assert_eq!(own, CHANGES.len() + READS.len() + 1);
}

#[tokio::test]
async fn a_user_that_may_look_at_timers_cannot_change_them() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let id = node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let mut viewer = Somebody::is(&broker, "viewer").await;
    let request = json!({ "last_by_subj": format!("$KV.timers.{id}") }).to_string();
    let record = viewer.client.request("$JS.API.STREAM.MSG.GET.KV_timers", request.into()).await.unwrap();
    assert!(String::from_utf8_lossy(&record.payload).contains("\"data\""), "{record:?}");
    for subject in CHANGES {
        viewer.may_not_publish(subject).await;
    }
    viewer.may_not_subscribe("_INBOX_jettimer.>").await;
}

#[tokio::test]
async fn a_node_that_may_not_do_what_its_role_needs_is_not_ready() {
    for (forbidden, roles) in [
        ("CONSUMER.MSG.NEXT.TIMERS.workers", &["worker", "all"][..]),
        ("DIRECT.GET.KV_timers.>", &["api", "worker"]),
        ("STREAM.MSG.GET.KV_timers\"", &["api", "worker"]),
    ] {
        let broker = Broker::configured(|users, config| {
            users.forbid(forbidden);
            config
        })
        .await;
        for role in ["api", "worker", "all"] {
            // A node of this role may lack the permissions that it does not need.
            if role != "all" || roles.contains(&role) {
                let node = Node::with(&broker, &["--role", role]).await.may_be_refused();
                let ready = node.client().send(reqwest::Method::GET, "/readyz", &[], "").await;
                let reason = ready.json["reason"].as_str().unwrap_or_default();
                let expected = if roles.contains(&role) { 503 } else { 200 };
                assert_eq!(ready.status, expected, "{role} without {forbidden}: {ready:?}");
                let named = forbidden.trim_end_matches(['>', '"']);
                assert_eq!(reason.contains(named), expected == 503, "{role} without {forbidden}: {reason}");
            }
        }
    }
}
