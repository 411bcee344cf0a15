//! A worker dies in the middle of a call, and no node can know whether the receiver was called.

use serde_json::json;

use crate::support::{Broker, Node, Sink};

#[tokio::test]
async fn a_call_cut_off_by_a_killed_worker_is_unknown_or_repeated_as_the_mode_says() {
    let broker = Broker::start().await;
    let mut victim = Node::start(&broker).await;
    let sink = Sink::start().await;
    let timer = |delivery: &str| json!({ "delay": "0s", "url": sink.url("/hang"), "delivery": delivery, "timeout": "1s" });
    // The timeout is longer than the kill takes, and with the margin shorter than the test's patience.
    let once = victim.client().create(&timer("at_most_once")).await;
    let at_least_once = victim.client().create(&timer("at_least_once")).await;
    sink.until(2).await;
    victim.kill().await;

    let heir = Node::start(&broker).await;
    let client = heir.client();
    assert_eq!(client.get(&once).await["state"], "firing");
    sink.release();
    let unknown = client.until(&once, "unknown").await;
    assert_eq!(unknown["attempts"], 1);
    let delivered = client.until(&at_least_once, "delivered").await;
    assert_eq!(delivered["attempts"], 2);

    assert_eq!(sink.hits_of(&once).len(), 1);
    let repeated = sink.hits_of(&at_least_once);
    assert_eq!(repeated.len(), 2);
    assert_eq!(repeated[0].headers["webhook-id"], repeated[1].headers["webhook-id"]);
    assert_eq!(repeated[1].headers["jettimer-attempt"], "2");
    // One line of the log says so.
    assert!(
        heir.logged("WARN")
            .iter()
            .any(|line| line["message"].as_str().unwrap_or("").starts_with("timer unknown"))
    );
}
