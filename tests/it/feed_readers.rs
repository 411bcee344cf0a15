//! The resources of a node that a reader of the feed may take, and the heartbeats that it gets without events.

use async_nats::jetstream;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::feed::Reader;
use crate::support::{Broker, Client, Node, PATIENCE, eventually, plain_http};

/// Makes events of 12 MB in all, more than the buffers between node and reader hold.
async fn make_many(client: &Client) {
    let labels: serde_json::Map<_, _> = (0..20).map(|n| (format!("k{n}"), "x".repeat(512).into())).collect();
    let timer = json!({ "delay": "1h", "url": "http://localhost/", "metadata": labels });
    for _ in 0..12 {
        let timers = json!(vec![&timer; 100]).to_string();
        let reply = client.send(Method::POST, "/timers", &[], &timers).await;
        assert_eq!(reply.json["created"], 100, "{reply:?}");
    }
}

/// Requests the feed and reads nothing of the answer.
async fn ask_for_feed(client: &Client) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let address = client.url("").trim_start_matches("http://").parse().expect("an address");
    let mut stream = socket.connect(address).await.expect("a connection");
    let head = b"GET /timers/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(head).await.expect("it is sent");
    stream
}

/// Reads the first bytes of the answer's head.
async fn begin(stream: &mut TcpStream) {
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
}

#[tokio::test]
async fn readers_of_a_node_take_no_consumer_except_one_that_comes_late_until_it_has_caught_up() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let context = jetstream::new(broker.client().await);
    let consumers = async || {
        let stream = context.get_stream("KV_timers").await.expect("the stream");
        stream.cached_info().state.consumer_count
    };
    // That of the index.
    eventually("the index is followed", async || (consumers().await == 1).then_some(())).await;
    let mut readers = vec![];
    for _ in 0..5 {
        let mut reader = Reader::open(&client, "", None).await;
        assert_eq!(reader.next().await.0, "open");
        readers.push(reader);
    }
    let timer = json!({ "delay": "1h", "url": "http://localhost/" });
    let mut timers = vec![];
    for _ in 0..3 {
        timers.push(client.create(&timer).await);
    }
    readers.push(Reader::open(&client, "", Some("0")).await);
    assert_eq!(readers[5].next().await.0, "open");
    timers.push(client.create(&timer).await);
    for reader in &mut readers {
        for id in &timers {
            let (event, data) = reader.next().await;
            assert_eq!((event.as_str(), &data["id"]), ("created", &json!(id)));
        }
    }
    eventually("the late one has caught up", async || (consumers().await == 1).then_some(())).await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_dropped_with_the_reason() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--client-timeout", "9s", "--log", "jettimer=debug"]).await;
    let client = node.client();
    let mut stream = ask_for_feed(&client).await;
    begin(&mut stream).await;
    // The reader reads as soon as it is dropped, and while more events may be made: 6 s later it would be cut off.
    let reading = async {
        eventually("it is dropped", async || {
            let dropped = |line: &serde_json::Value| line["message"] == "dropped a reader of the feed";
            node.logged("DEBUG").iter().any(dropped).then_some(())
        })
        .await;
        let mut heard = vec![];
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
        read.expect("an end in time").expect("an end in order");
        heard
    };
    let ((), heard) = tokio::join!(make_many(&client), reading);
    let heard = String::from_utf8_lossy(&heard);
    let last = heard.rsplit("event:").next().unwrap();
    assert!(last.starts_with("dropped") && last.contains("events were left unread for 3s"), "{last}");
    // It did not get every event, and goes on at its last one.
    let events = heard.matches("event:created").count();
    assert!(events > 0 && events < 1_200, "{events}");
}

#[tokio::test]
async fn a_reader_that_never_reads_is_cut_off() {
    let broker = Broker::start().await;
    let other = Node::start(&broker).await;
    let node = Node::with(&broker, &["--client-timeout", "1s", "--max-connections", "1"]).await;
    let mut stream = ask_for_feed(&node.client()).await;
    begin(&mut stream).await;
    make_many(&other.client()).await;
    // The only place is free again, although the reader has closed nothing.
    let client = node.client();
    let reply = tokio::time::timeout(PATIENCE, client.send(Method::GET, "/healthz", &[], "")).await;
    assert_eq!(reply.expect("an answer in time").status, 200);
    drop(stream);
}

#[tokio::test]
async fn a_quiet_feed_says_that_it_is_there() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--event-heartbeat", "1s"]).await;
    let feed = plain_http().get(node.client().url("/timers/events"));
    let mut response = feed.send().await.expect("an answer");
    let mut text = String::new();
    while text.matches(":still here").count() < 2 {
        let chunk = tokio::time::timeout(PATIENCE, response.chunk()).await.expect("a heartbeat in time");
        text += std::str::from_utf8(&chunk.expect("a readable feed").expect("a feed that goes on")).unwrap();
    }
    assert_eq!(text.matches("event:").count(), 1, "{text}");
}

#[tokio::test]
async fn a_node_that_stops_says_so_to_readers_and_waits_for_none() {
    let broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    let mut reader = Reader::open(&node.client(), "", None).await;
    assert_eq!(reader.next().await.0, "open");
    node.terminate();
    let (event, data) = reader.next().await;
    assert_eq!(
        (event.as_str(), &data["reason"]),
        ("dropped", &json!("the node is stopping; reconnect to get the rest"))
    );
    assert_eq!(node.exit_code().await, Some(0));
}
