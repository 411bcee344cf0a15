//! Reads JetStream and damages it, as an operator with the `nats` CLI can.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::{Broker, Client, eventually};

/// Direct access to JetStream.
pub(crate) struct Hand {
    client: async_nats::Client,
}

/// A stream that was backed up.
pub(crate) struct Backup {
    config: Value,
    state: Value,
    chunks: Vec<Bytes>,
}

impl Hand {
    pub(crate) async fn of(broker: &Broker) -> Self {
        Self { client: broker.client().await }
    }

    /// Sends a request to JetStream's API; the answer may be an error.
    pub(crate) async fn ask(&self, subject: &str, request: &Value) -> Value {
        let payload = if request.is_null() { Bytes::new() } else { request.to_string().into() };
        let answer = self.client.request(format!("$JS.API.{subject}"), payload).await.expect("an answer");
        serde_json::from_slice(&answer.payload).expect("JSON")
    }

    /// Sends a request to JetStream's API, which must succeed.
    pub(crate) async fn done(&self, subject: &str, request: &Value) -> Value {
        let answer = self.ask(subject, request).await;
        assert!(answer["error"].is_null(), "{subject}: {answer}");
        answer
    }

    /// Whether there is a message on these subjects of a stream.
    pub(crate) async fn has(&self, stream: &str, subject: &str) -> bool {
        let answer = self.ask(&format!("STREAM.MSG.GET.{stream}"), &json!({ "last_by_subj": subject })).await;
        answer["error"].is_null()
    }

    /// The header fields of the last message on a subject, as NATS sends them.
    pub(crate) async fn headers(&self, stream: &str, subject: &str) -> String {
        let last = json!({ "last_by_subj": subject });
        let answer = self.done(&format!("STREAM.MSG.GET.{stream}"), &last).await;
        let fields =
            BASE64.decode(answer["message"]["hdrs"].as_str().expect("header fields")).expect("Base64");
        String::from_utf8(fields).expect("text")
    }

    /// How many messages there are on these subjects of a stream.
    pub(crate) async fn count(&self, stream: &str, subjects: &str) -> u64 {
        let answer =
            self.done(&format!("STREAM.INFO.{stream}"), &json!({ "subjects_filter": subjects })).await;
        let counts = answer["state"]["subjects"].as_object();
        counts.into_iter().flat_map(|counts| counts.values()).filter_map(Value::as_u64).sum()
    }

    /// `nats kv get timers ID`.
    pub(crate) async fn record(&self, id: &str) -> Value {
        self.value("timers", id).await
    }

    /// The high-water mark of the last sweep.
    pub(crate) async fn mark(&self) -> Value {
        self.value("timers_sweep", "mark").await
    }

    async fn value(&self, bucket: &str, key: &str) -> Value {
        let last = json!({ "last_by_subj": format!("$KV.{bucket}.{key}") });
        let answer = self.done(&format!("STREAM.MSG.GET.KV_{bucket}"), &last).await;
        decoded(&answer)
    }

    /// Stores a record again unchanged, so that only its revision changes.
    pub(crate) async fn store_again(&self, id: &str) {
        let record = self.record(id).await.to_string();
        let context = async_nats::jetstream::new(self.client.clone());
        let sent = context.publish(format!("$KV.timers.{id}"), record.into()).await;
        sent.expect("sent").await.expect("stored");
    }

    /// Stores a record with one more field, as a later version of jettimer may; `false` if another writer was faster.
    pub(crate) async fn add_field(&self, id: &str, name: &str, value: &str) -> bool {
        let subject = format!("$KV.timers.{id}");
        let answer = self.done("STREAM.MSG.GET.KV_timers", &json!({ "last_by_subj": subject })).await;
        let mut record = decoded(&answer);
        record[name] = json!(value);
        let mut headers = async_nats::HeaderMap::new();
        let revision = answer["message"]["seq"].as_u64().expect("a sequence");
        headers.insert("Nats-Expected-Last-Subject-Sequence", async_nats::HeaderValue::from(revision));
        let context = async_nats::jetstream::new(self.client.clone());
        let sent = context.publish_with_headers(subject, headers, record.to_string().into()).await;
        sent.expect("sent").await.is_ok()
    }

    /// `nats stream purge STREAM --subject SUBJECT`; returns how many messages were removed.
    pub(crate) async fn purge(&self, stream: &str, subject: &str) -> u64 {
        let answer = self.done(&format!("STREAM.PURGE.{stream}"), &json!({ "filter": subject })).await;
        answer["purged"].as_u64().expect("a number")
    }

    /// `nats stream rm STREAM`.
    pub(crate) async fn delete_stream(&self, stream: &str) {
        self.done(&format!("STREAM.DELETE.{stream}"), &Value::Null).await;
    }

    /// `nats kv del timers ID`.
    pub(crate) async fn delete_record(&self, id: &str) {
        self.publish(&format!("$KV.timers.{id}"), &[("KV-Operation", "DEL")]).await;
    }

    /// Publishes to a stream on this subject until JetStream has no room for more.
    pub(crate) async fn fill(&self, subject: &str) {
        // First large messages, then messages of one byte, so that no message of any size fits.
        for bytes in [500_000, 1] {
            loop {
                let payload = Bytes::from(vec![0; bytes]);
                let answer = self.client.request(subject.to_owned(), payload).await.expect("an answer");
                let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
                if !answer["error"].is_null() {
                    assert_eq!(answer["error"]["err_code"], 10_023, "{answer}");
                    break;
                }
            }
        }
    }

    /// Schedules a message that waits on `subject` until `at`, and then goes to `target`.
    pub(crate) async fn schedule(&self, subject: &str, at: &str, target: &str) {
        let at = format!("@at {at}");
        self.publish(subject, &[("Nats-Schedule", &at), ("Nats-Schedule-Target", target)]).await;
    }

    /// Puts one more wake of a timer on the queue of the workers.
    pub(crate) async fn wake(&self, id: &str) {
        self.publish(&format!("timers.fire.{id}"), &[]).await;
    }

    /// How many wakes are on the queue and have not been given to a worker yet.
    pub(crate) async fn wakes_to_give(&self) -> u64 {
        let info = self.done("CONSUMER.INFO.TIMERS.workers", &Value::Null).await;
        info["num_pending"].as_u64().expect("a number")
    }

    /// `nats consumer reset TIMERS workers`: the wakes on the queue stay there, and no worker gets them.
    pub(crate) async fn pass_over_wakes(&self) {
        let info = self.done("STREAM.INFO.TIMERS", &Value::Null).await;
        let next = info["state"]["last_seq"].as_u64().expect("a number") + 1;
        self.done("CONSUMER.RESET.TIMERS.workers", &json!({ "seq": next })).await;
    }

    async fn publish(&self, subject: &str, headers: &[(&str, &str)]) {
        let mut map = async_nats::HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        let context = async_nats::jetstream::new(self.client.clone());
        let sent = context.publish_with_headers(subject.to_owned(), map, Bytes::new()).await;
        sent.expect("sent").await.expect("stored");
    }

    /// `nats stream backup STREAM`.
    pub(crate) async fn back_up(&self, stream: &str) -> Backup {
        let inbox = self.client.new_inbox();
        let mut chunks = self.client.subscribe(inbox.clone()).await.expect("a subscription");
        let request = json!({ "deliver_subject": inbox });
        let answer = self.done(&format!("STREAM.SNAPSHOT.{stream}"), &request).await;
        let mut got = Vec::new();
        while let Some(chunk) = chunks.next().await {
            // The last one is empty.
            if chunk.payload.is_empty() {
                break;
            }
            if let Some(reply) = chunk.reply {
                self.client.publish(reply, Bytes::new()).await.expect("an acknowledgement");
            }
            got.push(chunk.payload);
        }
        Backup { config: answer["config"].clone(), state: answer["state"].clone(), chunks: got }
    }

    /// `nats stream restore`.
    pub(crate) async fn restore(&self, backup: &Backup) {
        let name = backup.config["name"].as_str().expect("a name");
        let request = json!({ "config": backup.config, "state": backup.state });
        let answer = self.done(&format!("STREAM.RESTORE.{name}"), &request).await;
        let subject = answer["deliver_subject"].as_str().expect("a subject").to_owned();
        for chunk in &backup.chunks {
            self.client.request(subject.clone(), chunk.clone()).await.expect("taken");
        }
        let answer = self.client.request(subject, Bytes::new()).await.expect("an answer");
        let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
        assert!(answer["error"].is_null(), "{answer}");
    }
}

/// The JSON in the message of an answer.
fn decoded(answer: &Value) -> Value {
    let data = BASE64.decode(answer["message"]["data"].as_str().expect("a record")).expect("Base64");
    serde_json::from_slice(&data).expect("JSON")
}

/// The value of a node's metric, by its name and labels as `/metrics` shows them.
pub(crate) async fn metric(client: &Client, series: &str) -> f64 {
    let reply = client.send(reqwest::Method::GET, "/metrics", &[], "").await;
    let text = reply.json.as_str().expect("text");
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in {text}")).parse().expect("a number")
}

/// How many findings of a kind a node's sweeps have counted.
pub(crate) async fn found(client: &Client, finding: &str) -> f64 {
    metric(client, &format!("jettimer_sweep_findings_total{{finding=\"{finding}\"}}")).await
}

/// Waits until a node's sweeps have counted this many findings of a kind.
pub(crate) async fn until_found(client: &Client, finding: &str, count: f64) {
    eventually(&format!("{count} {finding} are found"), async || {
        (found(client, finding).await >= count).then_some(())
    })
    .await;
}

/// Waits until a node has swept this many more times.
pub(crate) async fn until_swept(client: &Client, times: f64) {
    let series = "jettimer_sweeps_total{result=\"done\"}";
    let before = metric(client, series).await;
    eventually("it has swept", async || (metric(client, series).await >= before + times).then_some(())).await;
}
