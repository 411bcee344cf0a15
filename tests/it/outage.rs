//! NATS is away: the answers are clear meanwhile, and everything resumes by itself.

use reqwest::Method;
use serde_json::json;

use crate::support::{Broker, Node, PATIENCE, Sink, eventually};

#[tokio::test]
async fn a_node_rides_out_an_outage_and_says_so() {
    let mut broker = Broker::start().await;
    let node = Node::with(&broker, &["--request-timeout", "1s"]).await;
    let sink = Sink::start().await;
    let client = node.client();
    let before = client.create(&json!({ "delay": "1500ms", "url": sink.url("/ok") })).await;
    broker.kill().await;

    let refused = client.post(&json!({ "delay": "1s", "url": sink.url("/ok") })).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert!(refused.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(client.cancel(&before).await.status, 503);
    let ready = client.send(Method::GET, "/readyz", &[], "").await;
    assert_eq!((ready.status, &ready.json["status"]), (503, &json!("not_ready")));
    // The node refuses each request, but logs them together, so that the line with the cause is not buried.
    for _ in 0..20 {
        assert_eq!(client.send(Method::GET, "/readyz", &[], "").await.status, 503);
    }
    let said = node.logged("WARN");
    let said: Vec<_> =
        said.iter().filter(|line| line["message"].as_str().unwrap_or("").contains("503")).collect();
    assert!((1..10).contains(&said.len()), "{said:?}");
    // The node is still alive: a restart of this process would not help.
    assert_eq!(client.send(Method::GET, "/healthz", &[], "").await.status, 200);

    broker.restart().await;
    eventually("the node is ready again", async || {
        (client.send(Method::GET, "/readyz", &[], "").await.status == 200).then_some(())
    })
    .await;
    let after = client.create(&json!({ "delay": "0s", "url": sink.url("/ok") })).await;
    client.until(&before, "delivered").await;
    client.until(&after, "delivered").await;
    assert_eq!(sink.hits_of(&before).len(), 1);
    assert!(node.logged("ERROR").is_empty(), "{:?}", node.logged("ERROR"));
}

#[tokio::test]
async fn a_request_for_many_takes_no_longer_than_one_for_one() {
    let mut broker = Broker::start().await;
    let node = Node::with(&broker, &["--request-timeout", "1s"]).await;
    let client = node.client();
    broker.kill().await;
    let many = json!(vec![json!({ "delay": "1h", "url": "http://localhost/" }); 1_000]).to_string();
    // The timers would wait for more than a minute if they were stored one after the other.
    let reply = tokio::time::timeout(PATIENCE, client.send(Method::POST, "/timers", &[], &many)).await;
    let reply = reply.expect("an answer in time");
    assert_eq!((reply.status, &reply.json["failed"]), (200, &json!(1_000)));
    let results = reply.json["results"].as_array().unwrap();
    assert!(results.iter().all(|result| result["status"] == 503), "{results:?}");
}
