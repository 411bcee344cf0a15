//! The executable as a person meets it: `dev` in an empty directory, help, bad values, health checks.

use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::support::{Broker, Dev, Node, PATIENCE, Sink};

fn jettimer() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jettimer"));
    command.kill_on_drop(true);
    command
}

#[tokio::test]
async fn dev_runs_by_itself_and_keeps_its_timers_over_a_kill() {
    let data = TempDir::new().unwrap();
    let sink = Sink::start().await;
    let mut dev = Dev::start(data.path(), &[]).await;
    let id = dev.client().create(&json!({ "delay": "1500ms", "url": sink.url("/ok") })).await;
    dev.kill().await;

    let dev = Dev::start(data.path(), &[]).await;
    dev.client().until(&id, "delivered").await;
    assert_eq!(sink.hits_of(&id).len(), 1);
    assert_eq!(dev.interrupt().await, Some(0));
}

#[tokio::test]
async fn a_bad_value_says_which_why_and_what_is_allowed() {
    let long = "n".repeat(129);
    for (args, said) in [
        (vec!["serve", "--max-delay", "soon"], vec!["--max-delay", "soon", "90s"]),
        (vec!["serve", "--max-delay", "200y"], vec!["--max-delay", "must be 1s to"]),
        (vec!["serve", "--replicas", "2"], vec!["--replicas", "1, 3 or 5"]),
        (vec!["serve", "--max-calls", "0"], vec!["--max-calls", "1 to 16384"]),
        (vec!["serve", "--node-name", ""], vec!["--node-name", "1 to 128 characters"]),
        (vec!["serve", "--node-name", &long], vec!["--node-name", "1 to 128 characters"]),
        (vec!["serve", "--retry-factor", "0"], vec!["--retry-factor", "1 to 10"]),
        (vec!["serve", "--cors-origins", "https://a.example/"], vec!["--cors-origins", "https://a.example"]),
        (vec!["serve", "--role", "boss"], vec!["--role", "all", "api", "worker"]),
        (
            vec!["serve", "--allow-targets", "10.0.0.0/8,*.corp"],
            vec!["--allow-targets", "*.corp", "allowed are"],
        ),
        (vec!["serve", "--deny-targets", "a.example:0"], vec!["--deny-targets", "1 to 65535"]),
        (
            vec!["serve", "--receiver-limit", "*.example=1/s"],
            vec!["--receiver-limit", "patterns are not supported"],
        ),
        (
            vec!["serve", "--receiver-limit", "https://a.example=1/s"],
            vec!["--receiver-limit", "without a scheme"],
        ),
        (vec!["serve", "--dns-server", "dns.example"], vec!["--dns-server", "10.0.0.2:5353"]),
        (
            vec!["serve", "--target-identity", ".example=cert.pem"],
            vec!["--target-identity", "TARGET=CERT,KEY"],
        ),
        (vec!["serve", "--egress-proxy", "socks5://a"], vec!["--egress-proxy", "http://HOST:PORT"]),
        (vec!["serve", "--listen", "8000"], vec!["--listen", "8000"]),
    ] {
        let output = jettimer().args(&args).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        for word in said {
            assert!(text.contains(word), "{word:?} is not said for {args:?}: {text}");
        }
    }
}

#[tokio::test]
async fn a_password_in_a_url_is_not_shown() {
    for (name, wrong, right) in [
        ("JETTIMER_EGRESS_PROXY", "socks5://u:hunter2@proxy", "http://u:hunter2@proxy:3128"),
        ("JETTIMER_NATS", "nats://u:hunter2@nats:x", "nats://u:hunter2@nats:4222"),
    ] {
        let output = jettimer().arg("serve").env(name, wrong).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("://HOST:PORT") && !text.contains("hunter2"), "{text}");
        let output = jettimer().args(["serve", "--help"]).env(name, right).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(name) && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_setting_of_the_environment_counts_and_its_errors_name_it() {
    let output = jettimer().arg("serve").env("JETTIMER_MAX_HELD", "lots").output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("--max-held") && text.contains("lots"), "{text}");
}

#[tokio::test]
async fn a_port_in_use_and_a_missing_nats_are_explained() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    drop(node);
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = jettimer()
        .args(["serve", "--insecure-no-auth", "--listen", &address])
        .args(broker.args("node"))
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains(&address) && text.contains("--listen"), "{text}");

    let nowhere = format!("nats://{address}");
    drop(taken);
    let output = jettimer()
        .args([
            "serve",
            "--insecure-no-auth",
            "--nats",
            &nowhere,
            "--nats-wait",
            "200ms",
            "--listen",
            "127.0.0.1:0",
        ])
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("cannot connect to NATS") && text.contains(&address), "{text}");
}

#[tokio::test]
async fn healthcheck_tells_by_its_exit_code() {
    let broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    let url = node.client().url("/readyz");
    let ask = async || jettimer().args(["healthcheck", &url]).output().await.unwrap().status.code();
    assert_eq!(ask().await, Some(0));
    node.kill().await;
    assert_eq!(ask().await, Some(1));
}

#[tokio::test]
async fn bench_counts_what_it_created_and_received() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let server = node.client().url("");
    for per_request in ["1", "50"] {
        let output = jettimer()
            .args(["bench", "--timers", "200", "--due-in", "700ms", "--connections", "8", "--output", "json"])
            .args(["--server", &server, "--per-request", per_request])
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{text} {}", String::from_utf8_lossy(&output.stderr));
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&report["created"], &report["missing"], &report["duplicate"]),
            (&json!(200), &json!(0), &json!(0))
        );
    }
}

#[tokio::test]
async fn a_node_that_waits_for_nats_can_be_told_to_stop() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut child = jettimer()
        .args([
            "serve",
            "--insecure-no-auth",
            "--listen",
            "127.0.0.1:0",
            "--nats-wait",
            "1h",
            "--log-format",
            "json",
        ])
        .args(["--nats", &format!("nats://{free}")])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // Its first line says that it cannot connect to NATS yet, so the process handles signals by then.
    assert!(lines.next_line().await.unwrap().unwrap().contains("cannot connect to NATS yet"));
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it stops").unwrap();
    assert_eq!(status.code(), Some(1));
}
