//! The resources of a node that a client may take; each limit ends in an answer or a closed connection.

use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Broker, Node, PATIENCE, exchange};

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
        // The node frees the connection's memory for the head by closing it.
        assert_eq!(reply.header("connection"), "close", "{kind}");
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
async fn a_head_that_cannot_be_read_is_a_problem_too() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    let get = |path: &[u8], fields: &[u8]| {
        [b"GET ", path, b" HTTP/1.1\r\nhost: x\r\n", fields, b"\r\n\r\n"].concat()
    };
    let long = [b"/", "x".repeat(70_000).as_bytes()].concat();
    let many = (0..300).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    let fine = get(b"/nothing", b"a: b");
    for (request, status, kind) in [
        (b"garbage\r\n\r\n".to_vec(), "400 Bad Request", "malformed-request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), "400 Bad Request", "malformed-request"),
        (b"GET /healthz\r\n\r\n".to_vec(), "400 Bad Request", "malformed-request"),
        (get(b"/timer/\xff", b"a: b"), "400 Bad Request", "malformed-request"),
        (get(b"/timers?host=\xff", b"a: b"), "400 Bad Request", "malformed-request"),
        (get(b"/healthz", b"bad name: 1"), "400 Bad Request", "malformed-request"),
        (get(b"/healthz", b"a: \x00"), "400 Bad Request", "malformed-request"),
        (get(b"/healthz", b"a: b\r\n folded"), "400 Bad Request", "malformed-request"),
        (get(b"/healthz", b"content-length: 1\r\ncontent-length: 2"), "400 Bad Request", "malformed-request"),
        (get(b"/healthz", b"content-length: x"), "400 Bad Request", "malformed-request"),
        (get(b"/healthz", b"transfer-encoding: gzip"), "400 Bad Request", "malformed-request"),
        // hyper reads these heads.
        (get(b"/healthz", b"host: y"), "400 Bad Request", "malformed-request"),
        (get(b"/healthz", b"transfer-encoding: gzip, chunked"), "400 Bad Request", "malformed-request"),
        (get(b"/healthz", b"idempotency_key: a"), "400 Bad Request", "malformed-request"),
        (
            get(b"/healthz", many.trim_end().as_bytes()),
            "431 Request Header Fields Too Large",
            "headers-too-large",
        ),
        (get(&long, b"a: b"), "414 URI Too Long", "uri-too-long"),
        (b"GET /healthz HTTP/1.0\r\nbad name: 1\r\n\r\n".to_vec(), "400 Bad Request", "malformed-request"),
        // Garbage after an answered request, in the same packet.
        ([&fine[..], b"garbage\r\n\r\n"].concat(), "400 Bad Request", "malformed-request"),
    ] {
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
        let answer = exchange(&address, &request).await;
        let last = answer.rfind("HTTP/1.1 4").unwrap_or_else(|| panic!("no answer to {shown}"));
        assert_eq!(last > 0, request.starts_with(&fine), "{shown}: {answer}");
        let (head, body) = answer[last..].split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{shown}: {answer}");
        let field = |name: &str| {
            let fields = head.lines().filter_map(|line| line.split_once(": "));
            let values: Vec<&str> =
                fields.filter(|(known, _)| *known == name).map(|(_, value)| value).collect();
            assert_eq!(values.len(), 1, "{name} of {head}");
            values[0].to_owned()
        };
        assert_eq!(field("content-type"), "application/problem+json");
        assert_eq!(field("content-length"), body.len().to_string());
        assert_eq!((field("connection").as_str(), field("date").ends_with(" GMT")), ("close", true));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["type"], format!("urn:jettimer:problem:{kind}"), "{shown}");
        assert_eq!(body["request_id"], field("x-request-id"));
    }
    // A regular answer that ends like hyper's own errors stays as it is.
    let head = exchange(&address, b"HEAD /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 404 ") && head.matches("x-request-id: ").count() == 1, "{head}");
    assert!(node.logged("ERROR").is_empty());
}

#[tokio::test]
async fn a_body_that_would_be_refused_is_not_asked_for() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    let head =
        "POST /timer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n";
    for (fields, body, begin, kind) in [
        ("content-length: 300000", "", "HTTP/1.1 413 ", "body-too-large"),
        ("content-length: 2\r\ncontent-encoding: gzip", "", "HTTP/1.1 415 ", "unsupported-media-type"),
        ("content-length: 2\r\nconnection: close", "{}", "HTTP/1.1 100 ", "invalid-timer"),
    ] {
        let answer = exchange(&address, format!("{head}{fields}\r\n\r\n{body}").as_bytes()).await;
        assert!(answer.starts_with(begin) && answer.contains(kind), "{fields}: {answer}");
    }
}

#[tokio::test]
async fn a_connection_that_rests_is_kept_for_a_time_of_its_own() {
    let broker = Broker::start().await;
    let start = async |head: &str, idle: &str| {
        Node::with(&broker, &["--client-timeout", head, "--idle-timeout", idle]).await
    };
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    // Each limit ends a connection by itself; the connection would outlast the test under the other limit.
    let resting = start("10m", "1s").await;
    let address = resting.client().url("").trim_start_matches("http://").to_owned();
    assert!(exchange(&address, request).await.starts_with("HTTP/1.1 200 "));
    let slow = start("1s", "1h").await;
    let address = slow.client().url("").trim_start_matches("http://").to_owned();
    assert_eq!(exchange(&address, b"GET /healthz HTTP/1.1\r\n").await, "");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    // A second head on the same connection has its own time limit.
    stream.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    let mut rest = vec![];
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    read.expect("the node ends it").expect("an end in order");
    assert_eq!(String::from_utf8_lossy(&rest).matches("HTTP/1.1").count(), 0, "there is no second answer");
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
    // The places of the cut off connections are free again.
    let idle = [TcpStream::connect(&address).await, TcpStream::connect(&address).await];
    assert_eq!(node.client().send(Method::GET, "/healthz", &[], "").await.status, 200);
    drop(idle);
}
