//! What a client may take of a node, each limit with an answer or an end.

use reqwest::Method;
use tokio::net::TcpStream;

use crate::support::{Broker, Node, exchange};

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let long = format!("/timers?host={}", "x".repeat(8_192));
    let large = "x".repeat(16_384);
    let many: Vec<(String, String)> = (0..101).map(|n| (format!("x-{n}"), "1".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (path, headers, status, kind) in [
        (long.as_str(), &[][..], 414, "uri-too-long"),
        ("/healthz", &[("x-large", large.as_str())], 431, "headers-too-large"),
        ("/healthz", &many, 431, "headers-too-large"),
    ] {
        let reply = client.send(Method::GET, path, headers, "").await;
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(reply.json["type"], format!("urn:jettimer:problem:{kind}"));
    }
}

#[tokio::test]
async fn a_request_id_is_taken_over_or_made() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let ask = async |id: &str| {
        let reply = node.client().send(Method::GET, "/nothing", &[("x-request-id", id)], "").await;
        assert_eq!(reply.json["request_id"], reply.header("x-request-id"));
        reply.header("x-request-id").to_owned()
    };
    assert_eq!(ask("order-17").await, "order-17");
    for unfit in ["", "a b", &"x".repeat(129)] {
        assert_ne!(ask(unfit).await, unfit);
    }
}

#[tokio::test]
async fn a_request_without_a_path_is_answered_as_any_that_asks_for_nothing_there_is() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    for head in [
        "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\nconnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ] {
        let answer = exchange(&address, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{head}{answer}");
        assert!(answer.contains("urn:jettimer:problem:not-found"), "{head}{answer}");
    }
}

#[tokio::test]
async fn a_slow_client_is_cut_off_and_others_are_served_meanwhile() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--client-timeout", "1s", "--max-connections", "3"]).await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    let head =
        "POST /timer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{";
    let (unfinished, body, _) = tokio::join!(
        exchange(&address, b"GET /healthz HTTP/1.1\r\nhost: x\r\n"),
        exchange(&address, head.as_bytes()),
        async {
            let reply = node.client().send(Method::GET, "/readyz", &[], "").await;
            assert_eq!(reply.status, 200);
        },
    );
    assert!(!unfinished.contains("200"), "{unfinished}");
    assert!(body.contains("408") && body.contains("request-timeout"), "{body}");
    // The places of those that were cut off are free again.
    let idle = [TcpStream::connect(&address).await, TcpStream::connect(&address).await];
    assert_eq!(node.client().send(Method::GET, "/healthz", &[], "").await.status, 200);
    drop(idle);
}
