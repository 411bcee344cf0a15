//! The real counterparts that the tests use: a broker, nodes, a client and a receiver.

mod broker;
pub(crate) mod browser;
pub(crate) mod calls;
pub(crate) mod cli;
mod client;
pub(crate) mod cluster;
pub(crate) mod contract;
pub(crate) mod dev;
#[path = "../../chaos/rig/disk.rs"]
pub(crate) mod disk;
mod dns;
pub(crate) mod h2;
pub(crate) mod jetstream;
mod node;
pub(crate) mod prefix;
pub(crate) mod python;
pub(crate) mod raw;
pub(crate) mod sink;
mod spawn;
pub(crate) mod tls;
mod users;
pub(crate) mod way;
#[cfg(target_os = "linux")]
pub(crate) mod wrong_clock;

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

pub(crate) use broker::Broker;
pub(crate) use client::{Client, Reply, plain_http};
pub(crate) use dev::Dev;
pub(crate) use dns::Dns;
pub(crate) use node::{Node, few_files};
pub(crate) use sink::Sink;
pub(crate) use spawn::spawn;

/// How long something that must happen may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often `eventually` looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Waits until `look` returns something, and fails the test with `what` if it never does.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Microseconds since the epoch.
pub(crate) fn now_micros() -> u64 {
    jettimer::foundation::clock::Clock::OF_THE_WORLD.now().as_micros()
}

/// Microseconds since the epoch of an RFC 3339 instant.
pub(crate) fn micros_of(text: &serde_json::Value) -> u64 {
    jettimer::foundation::rfc3339::parse(text.as_str().expect("an instant")).expect("RFC 3339").as_micros()
}

/// An instant this far from now, as RFC 3339.
pub(crate) fn in_millis(millis: u64) -> String {
    let now = jettimer::foundation::clock::Clock::OF_THE_WORLD.now();
    jettimer::foundation::rfc3339::format(now.saturating_add(Duration::from_millis(millis)))
}

/// Makes a token with this name by `jettimer token`; returns the token and its entry for the list of tokens.
pub(crate) async fn token(name: &str, args: &[&str]) -> (String, String) {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_jettimer"))
        .args(["token", name])
        .args(args)
        .output()
        .await;
    let output = output.expect("jettimer runs");
    let said = String::from_utf8(output.stderr).unwrap();
    let token = said.split_whitespace().find(|word| word.starts_with("jt_")).expect("a token").to_owned();
    (token, String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// Sends these bytes and returns everything that the node sends until it closes the connection.
pub(crate) async fn exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("it is sent");
    let mut answer = vec![];
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("the node ends it").expect("an end in order");
    String::from_utf8_lossy(&answer).into_owned()
}
