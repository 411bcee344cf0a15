//! The memory of a node that clients may take: a client that takes much has a share, and all others are served.

use std::net::SocketAddr;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Broker, Client, Node, PATIENCE, Reply, eventually, token};

const MIB: usize = 1_048_576;

/// What a request takes without being counted.
const FREE: usize = 4_096;

/// A creation with a body of this many bytes.
fn creation(bytes: usize) -> String {
    json!({ "delay": "1h", "url": "http://localhost/", "body": "x".repeat(bytes) }).to_string()
}

async fn create(client: &Client, token: &str, bytes: usize) -> Reply {
    let headers = [("content-type", "application/json"), ("authorization", token)];
    client.send(Method::POST, "/timer", &headers, &creation(bytes)).await
}

/// Sends a body without its end.
async fn unfinished(address: &str, token: &str, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /timers HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-type: application/json\r\n\
         content-length: {bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; bytes - 1]).await.unwrap();
    stream
}

#[tokio::test]
async fn bodies_without_an_end_take_a_share_and_another_token_is_served() {
    let broker = Broker::start().await;
    let ((one, of_one), (other, of_other), (operator, of_operator)) = (
        token("one", &["--scopes", "admin"]).await,
        token("other", &["--scopes", "write"]).await,
        token("operator", &["--scopes", "admin"]).await,
    );
    let tokens = [of_one, of_other, of_operator].join(";");
    let node = Node::with(&broker, &["--client-timeout", "10m", "--tokens", &tokens]).await;
    let [one, other, operator] = [one, other, operator].map(|token| format!("Bearer {token}"));
    let client = node.client();
    let address = client.url("").trim_start_matches("http://").to_owned();
    let mut held = vec![];
    for _ in 0..3 {
        held.push(unfinished(&address, &one, 8 * MIB).await);
    }
    // The kernel holds the last parts for a moment. Until the node has them, another request may take their room.
    eventually("the bodies have come", async || {
        let reply = client.send(Method::GET, "/metrics", &[("authorization", &operator)], "").await;
        let text = reply.json.as_str().unwrap().to_owned();
        let taken = text.lines().find_map(|line| line.strip_prefix("jettimer_http_memory_bytes "));
        (taken.unwrap().parse::<usize>().unwrap() >= 3 * (8 * MIB - FREE)).then_some(())
    })
    .await;
    let refused = create(&client, &one, 200_000).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "2"), "{refused:?}");
    assert_eq!(refused.json["type"], "urn:jettimer:problem:memory-full");
    // Small requests are still served, and so is another token.
    assert_eq!(create(&client, &one, 1_000).await.status, 201);
    assert_eq!(create(&client, &other, 200_000).await.status, 201);
    let metrics = client.send(Method::GET, "/metrics", &[("authorization", &one)], "").await;
    // The answer is larger than the memory that the token has free of charge.
    assert_eq!((metrics.status, &metrics.json["type"]), (503, &refused.json["type"]));
    drop(held);
    let metrics = eventually("it has its share again", async || {
        let reply = client.send(Method::GET, "/metrics", &[("authorization", &one)], "").await;
        (reply.status == 200).then(|| reply.json.as_str().unwrap().to_owned())
    })
    .await;
    assert!(metrics.contains("jettimer_http_refused_total{reason=\"memory\"}"), "{metrics}");
    assert_eq!(create(&client, &one, 200_000).await.status, 201);
}

#[tokio::test]
async fn unfinished_heads_take_what_they_may_and_others_are_served() {
    /// Half of 16 MiB, in buffers of 32 KiB.
    const SHARE: usize = 256;
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--client-timeout", "10m"]).await;
    let address: SocketAddr = node.client().url("").trim_start_matches("http://").parse().unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}", "a".repeat(12_000));
    let mut held = vec![];
    for _ in 0..SHARE + 20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    let closed = eventually("those that found no room are closed", async || {
        let closed = held.iter().filter(|stream| stream.try_read(&mut [0]).is_ok_and(|read| read == 0));
        // A connection that was closed with unread bytes is reset.
        let broken = held.iter().filter(|stream| {
            stream.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
        });
        let closed = closed.count() + broken.count();
        (closed >= 20).then_some(closed)
    })
    .await;
    assert_eq!(closed, 20);
    assert_eq!(node.client().send(Method::GET, "/healthz", &[], "").await.status, 200);
    // A large head from another address is accepted.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
    let mut elsewhere = socket.connect(address).await.unwrap();
    elsewhere.write_all(head.as_bytes()).await.unwrap();
    elsewhere.write_all(b"\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, elsewhere.read_to_string(&mut answer)).await.expect("an end").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // One from this address is accepted once there is room.
    drop(held);
    let large = "a".repeat(12_000);
    eventually("there is room again", async || {
        let reply = node.client().try_send(Method::GET, "/healthz", &[("x", &large)], "").await;
        reply.is_ok_and(|reply| reply.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_item_that_is_too_wide_or_too_deep_is_refused_and_its_neighbours_are_created() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let good = r#"{"delay":"1h","url":"http://localhost/","body":[1,{"a":2}]}"#;
    let with =
        |field: &str, value: &str| format!(r#"{{"delay":"1h","url":"http://localhost/","{field}":{value}}}"#);
    let (wide, deep) =
        (format!("[{}]", ["{}"; 5_000].join(",")), format!("{}{}", "[".repeat(500), "]".repeat(500)));
    let items = [
        good.to_owned(),
        with("odd", &wide),
        with("body", &wide),
        with("metadata", &deep),
        with("body", &deep),
        good.to_owned(),
    ];
    let many = [("content-type", "application/json")];
    let reply = node.client().send(Method::POST, "/timers", &many, &format!("[{}]", items.join(","))).await;
    assert_eq!((reply.status, &reply.json["created"]), (200, &json!(3)), "{reply:?}");
    let results = reply.json["results"].as_array().unwrap();
    let statuses: Vec<u64> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 422, 201, 400, 400, 201]);
    let id = results[2]["timer"]["id"].as_str().unwrap();
    assert_eq!(node.client().get(id).await["body"].as_array().unwrap().len(), 5_000);
    let single = node.client().send(Method::POST, "/timer", &many, &items[1]).await;
    assert_eq!((single.status, &single.json["type"]), (422, &json!("urn:jettimer:problem:invalid-timer")));
}

#[tokio::test]
async fn a_list_of_large_and_small_records_is_whole_and_in_order() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let mut created = vec![];
    for part in 0..5 {
        let timers: Vec<Value> = (0..60)
            .map(|n| {
                let body = "x".repeat(if n % 10 == 0 { 250_000 } else { 10 });
                json!({ "minutes": 60 + part * 60 + n, "url": "http://localhost/", "body": body })
            })
            .collect();
        let many = [("content-type", "application/json")];
        let reply = client.send(Method::POST, "/timers", &many, &json!(timers).to_string()).await;
        assert_eq!((reply.status, &reply.json["created"]), (200, &json!(60)), "{:?}", reply.headers);
        let results = reply.json["results"].as_array().unwrap();
        created.extend(results.iter().map(|result| result["timer"]["id"].clone()));
    }
    let ids = eventually("all are listed", async || {
        let list = client.send(Method::GET, "/timers?limit=1000", &[], "").await;
        assert_eq!(
            (list.status, &list.json["complete"], &list.json["next"]),
            (200, &json!(true), &Value::Null)
        );
        let timers = list.json["timers"].as_array().unwrap();
        (timers.len() == created.len())
            .then(|| timers.iter().map(|timer| timer["id"].clone()).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(ids, created);
    let none = client.send(Method::GET, "/timers?state=failed", &[], "").await;
    assert_eq!(none.json, json!({ "timers": [], "next": null, "complete": true }));
}

#[tokio::test]
async fn two_requests_of_8_mib_take_little_more_than_their_text() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--request-timeout", "14s"]).await;
    let head = r#"{"delay":"1h","url":"http://localhost/","body":["#;
    let item = format!("{head}{}]}}", vec![r#"{"":0}"#; (262_000 - head.len()) / 7].join(","));
    let bulk = format!("[{}]", vec![item; 31].join(","));
    let many = [("content-type", "application/json")];
    let client = node.client();
    let before = peak(&node);
    let (one, other) = tokio::join!(
        client.send(Method::POST, "/timers", &many, &bulk),
        client.send(Method::POST, "/timers", &many, &bulk),
    );
    for reply in [one, other] {
        // On a busy machine the request's time may end before all of them are stored.
        let count = |field: &str| reply.json[field].as_u64().unwrap();
        assert_eq!((reply.status, count("created") + count("failed")), (200, 31), "{:?}", reply.headers);
        assert!(count("created") > 0);
    }
    // A tree of values took 1.6 GB. Now the node keeps only the text, and the copy on its way to NATS.
    let taken = peak(&node) - before;
    assert!(taken < 256, "{taken} MiB more than {before}");
}

/// The peak memory of a node, in MiB.
fn peak(node: &Node) -> usize {
    let status = PathBuf::from(format!("/proc/{}/status", node.pid()));
    let status = std::fs::read_to_string(status).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kib: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib / 1_024
}
