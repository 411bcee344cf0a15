//! The page and its files as the node serves them: to every client, under a strict policy, and so that a browser sends few requests.

use reqwest::Method;
use serde_json::json;

use crate::support::{Broker, Client, Node, Reply};

/// A list of tokens whose only token has no holder.
const TOKENS: &str = "absent read sha256:0000000000000000000000000000000000000000000000000000000000000000";

async fn get(client: &Client, path: &str) -> Reply {
    client.send(Method::GET, path, &[], "").await
}

#[tokio::test]
async fn the_page_is_there_for_everyone_under_both_of_its_names() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--tokens", TOKENS]).await;
    let client = node.client();
    let (root, named) = (get(&client, "/").await, get(&client, "/ui_timer").await);
    assert_eq!((root.status, named.status), (200, 200));
    assert_eq!(root.json, named.json);
    let policy = root.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for path in ["/", "/ui_timer"] {
        let head = client.send(Method::HEAD, path, &[], "").await;
        assert_eq!((head.status, &head.json), (200, &json!("")), "{path}");
    }
}

#[tokio::test]
async fn a_browser_that_has_the_page_is_sent_nothing_again() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let page = get(&client, "/").await;
    assert_eq!(page.header("cache-control"), "no-cache");
    let etag = page.header("etag");
    for tags in [etag.to_owned(), format!("\"other\", W/{etag}"), "*".to_owned()] {
        let again = client.send(Method::GET, "/", &[("if-none-match", &tags)], "").await;
        assert_eq!((again.status, &again.json, again.header("etag")), (304, &json!(""), etag), "{tags}");
    }
    let other = client.send(Method::GET, "/", &[("if-none-match", "\"other\"")], "").await;
    assert_eq!(other.status, 200);

    let html = page.json.as_str().unwrap();
    let files: Vec<&str> = html.split('"').filter(|part| part.starts_with("ui/")).collect();
    assert!(files.len() > 20, "{html}");
    for path in files {
        let file = get(&client, &format!("/{path}")).await;
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        assert_eq!(file.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_version_gets_files_that_are_not_kept() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let file = get(&client, "/ui/0000000000000000/page/main.js").await;
    assert_eq!((file.status, file.header("cache-control")), (200, "no-store"));
    for nothing in ["/ui/0000000000000000/page/other.js", "/ui/0/page", "/ui/0/../main.js", "/ui"] {
        assert_eq!(get(&client, nothing).await.status, 404, "{nothing}");
    }
}

#[tokio::test]
async fn a_node_may_do_without_the_page() {
    let broker = Broker::start().await;
    let without = Node::with(&broker, &["--no-ui"]).await;
    let worker = Node::with(&broker, &["--role", "worker"]).await;
    for path in ["/", "/ui_timer", "/ui/0000000000000000/page/main.js"] {
        assert_eq!(get(&without.client(), path).await.status, 404, "{path}");
        assert_eq!(get(&worker.client(), path).await.status, 404, "{path}");
    }
    assert_eq!(get(&without.client(), "/docs").await.status, 200);
}
