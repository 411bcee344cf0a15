//! The path and the query of a URL are often secrets of its receiver, so no log line contains them.

use std::net::TcpListener;

use serde_json::json;

use crate::support::{Broker, Node, Sink};

const SECRET: &str = "s3cr3t";

#[tokio::test]
async fn a_failure_names_the_receiver_and_nothing_else_of_the_url() {
    let broker = Broker::start().await;
    let retries = ["--retry-max-attempts", "2", "--retry-initial-backoff", "10ms", "--log", "debug"];
    let node = Node::with(&broker, &retries).await;
    let (sink, client) = (Sink::start().await, node.client());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hidden = format!("/status/503?token={SECRET}");
    let urls = [
        sink.url(&hidden),
        sink.url(&format!("/reset?{SECRET}")),
        format!("http://{free}/{SECRET}?{SECRET}"),
    ];
    for delivery in ["at_most_once", "at_least_once"] {
        for url in &urls {
            let timer =
                json!({ "seconds": 0, "url": url, "delivery": delivery, "callback": sink.url(&hidden) });
            client.until_final(&client.create(&timer).await).await;
        }
    }
    let levels = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
    let lines: Vec<_> = levels.iter().flat_map(|level| node.logged(level)).collect();
    let receiver = sink.url("").trim_start_matches("http://").to_owned();
    assert!(
        lines.iter().any(|line| line["message"] == "timer failed" && line["receiver"] == *receiver),
        "{lines:?}"
    );
    let told: Vec<_> = lines.iter().filter(|line| line.to_string().contains(SECRET)).collect();
    assert!(told.is_empty(), "{told:?}");
    for path in ["/receivers", "/metrics"] {
        let reply = client.send(reqwest::Method::GET, path, &[], "").await;
        assert!(!reply.json.to_string().contains(SECRET), "{path}");
    }
}
