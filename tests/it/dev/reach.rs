//! Access to a `dev` without tokens: this machine reaches it, and no page whose name was made to point to this machine.

use serde_json::json;
use tempfile::TempDir;

use super::refused;
use crate::support::{Dev, exchange, token};

/// The answer to a request with this host.
async fn asked_for(dev: &Dev, host: &str, method: &str, path: &str) -> String {
    let address = dev.client().url("").trim_start_matches("http://").to_owned();
    let body = json!({ "delay": "1h", "url": "http://127.0.0.1:8080/" }).to_string();
    let (length, body) = if method == "POST" { (body.len(), body) } else { (0, String::new()) };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nsec-fetch-site: same-origin\r\n\r\n{body}"
    );
    exchange(&address, head.as_bytes()).await
}

const ASKED: [(&str, &str); 6] = [
    ("POST", "/timer"),
    ("GET", "/timers"),
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/dev/inbox"),
    ("POST", "/dev/inbox/a"),
];

#[tokio::test]
async fn a_page_whose_name_was_rebound_is_not_served() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &["--hosts", "timers.internal"]).await;
    for (method, path) in ASKED {
        for host in ["evil.example", "evil.example:8000", "localhost.evil.example", "127.1"] {
            let answer = asked_for(&dev, host, method, path).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{method} {path} for {host}: {answer}");
            assert!(answer.contains("foreign-origin") && answer.contains("--hosts"), "{answer}");
        }
        for host in ["127.0.0.1", "[::1]:8000", "localhost:8000", "a.localhost", "timers.internal:80"] {
            let answer = asked_for(&dev, host, method, path).await;
            assert!(answer.starts_with("HTTP/1.1 20"), "{method} {path} for {host}: {answer}");
        }
    }
}

#[tokio::test]
async fn it_does_not_listen_beyond_this_machine_without_tokens_unless_told() {
    let data = TempDir::new().unwrap();
    let everywhere = ["--listen", "0.0.0.0:0"];
    let said = refused(data.path(), &everywhere).await;
    assert!(said.contains("--insecure-no-auth") && said.contains("--tokens"), "{said}");
    let (_, line) = token("a", &["--scopes", "read"]).await;
    let said = refused(data.path(), &["--insecure-no-auth", "--tokens", &line]).await;
    assert!(said.contains("contradict"), "{said}");

    let open = Dev::start(data.path(), &[&everywhere[..], &["--insecure-no-auth"]].concat()).await;
    assert!(open.welcome().contains("anyone who can reach"), "{}", open.welcome());
    assert_eq!(open.interrupt().await, Some(0));
    let guarded = Dev::start(data.path(), &[&everywhere[..], &["--tokens", &line]].concat()).await;
    assert!(!guarded.welcome().contains("anyone who can reach"), "{}", guarded.welcome());
    // A page has no token, wherever its name points to.
    let answer = asked_for(&guarded, "timers.example", "GET", "/timers").await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}
