//! A client of the nats-servers that bypasses the links: faults and checks use it to reach every server directly.

use std::time::Duration;

use async_nats::Client;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::net::Net;
use super::secrets::Secrets;
use crate::plan::{Of, Profile};

/// How long the cluster may take to answer, in seconds: without a leader it never answers.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// How often the client checks whether the cluster is ready at the start, and the pause between two checks.
const READY_TRIES: usize = 300;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// A connection to some server, and to another one once that server is gone. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Admin {
    client: Client,
}

impl Admin {
    pub(crate) async fn connect(net: &Net, secrets: &Secrets, profile: Profile) -> Self {
        jettimer::foundation::crypto::install();
        let servers = 0..profile.servers();
        let servers: Vec<async_nats::ServerAddr> =
            servers.map(|server| format!("nats://{}", net.server(server)).parse().unwrap()).collect();
        let mut options = async_nats::ConnectOptions::new();
        if profile != Profile::One {
            options = options
                .nkey(secrets.seed("operator"))
                .add_root_certificates(secrets.file("ca.pem"))
                .require_tls(true);
        }
        let options = options
            .retry_on_initial_connect()
            .connection_timeout(ANSWERS_WITHIN)
            // The client leaves a stopped server for another one.
            .ping_interval(ANSWERS_WITHIN)
            .reconnect_delay_callback(|_| Duration::from_millis(50));
        Self { client: options.connect(servers).await.expect("servers") }
    }

    /// Waits until the servers have formed their cluster: an earlier request may get lost, and the client would wait for its answer.
    pub(crate) async fn ready(&self) {
        for _ in 0..READY_TRIES {
            if self.ask("INFO", json!({})).await.is_some_and(|info| info["error"].is_null()) {
                return;
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        panic!("the nats-servers have not found together");
    }

    /// The name of the server that leads it, if a server knows.
    pub(crate) async fn leader(&self, of: Of) -> Option<String> {
        let info = self.ask(&info_of(of), json!({})).await?;
        info["cluster"]["leader"].as_str().map(str::to_owned)
    }

    /// Makes the leader step down.
    pub(crate) async fn step_down(&self, of: Of) -> Option<Value> {
        let subject = match of {
            Of::Records => "STREAM.LEADER.STEPDOWN.KV_timers",
            Of::Wakes => "STREAM.LEADER.STEPDOWN.TIMERS",
            Of::Consumer => "CONSUMER.LEADER.STEPDOWN.TIMERS.workers",
        };
        self.ask(subject, json!({})).await.filter(|answer| answer["error"].is_null())
    }

    /// The timers that have a wake, by subject; `None` if no server answers.
    pub(crate) async fn wakes(&self) -> Option<Vec<String>> {
        let info = self.ask(&info_of(Of::Wakes), json!({ "subjects_filter": ">" })).await?;
        let state = info["state"].as_object()?;
        let subjects = state.get("subjects").and_then(Value::as_object);
        Some(subjects.map(|subjects| subjects.keys().cloned().collect()).unwrap_or_default())
    }

    /// Whether the last wake on this subject was settled although NATS still has it, as happens if its disk was full then.
    pub(crate) async fn was_settled(&self, subject: &str) -> bool {
        let message =
            self.ask("STREAM.MSG.GET.TIMERS", json!({ "last_by_subj": subject })).await.unwrap_or_default();
        let info = self.ask(&info_of(Of::Consumer), json!({})).await.unwrap_or_default();
        let floor = info["ack_floor"]["stream_seq"].as_u64();
        floor.zip(message["message"]["seq"].as_u64()).is_some_and(|(floor, seq)| seq <= floor)
    }

    /// How many wakes wait for a worker.
    pub(crate) async fn pending(&self) -> Option<u64> {
        self.ask(&info_of(Of::Consumer), json!({})).await?["num_pending"].as_u64()
    }

    async fn ask(&self, subject: &str, body: Value) -> Option<Value> {
        let request = self.client.request(format!("$JS.API.{subject}"), body.to_string().into());
        let answer = timeout(ANSWERS_WITHIN, request).await.ok()?.ok()?;
        serde_json::from_slice(&answer.payload).ok()
    }
}

fn info_of(of: Of) -> String {
    match of {
        Of::Records => "STREAM.INFO.KV_timers",
        Of::Wakes => "STREAM.INFO.TIMERS",
        Of::Consumer => "CONSUMER.INFO.TIMERS.workers",
    }
    .to_owned()
}
