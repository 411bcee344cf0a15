//! A timer is changed, fired and replayed, and each answer shows its new state.

use reqwest::Method;
use serde_json::json;

use crate::support::{Broker, Client, Node, Reply, Sink, eventually, in_millis, micros_of, now_micros};

async fn post(client: &Client, path: &str) -> Reply {
    client.send(Method::POST, path, &[], "").await
}

#[tokio::test]
async fn every_field_of_a_timer_may_be_changed_and_the_old_is_never_sent() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let old = json!({ "delay": "1h", "url": sink.url("/status/500"), "headers": { "x-old": "1" }, "body": { "old": 1 } });
    let id = client.create(&old).await;
    let change = json!({
        "delay": "300ms", "url": sink.url("/ok"), "method": "PUT", "headers": { "x-new": "2" }, "body_text": "new",
        "timeout": "5s", "delivery": "at_least_once", "retry": { "max_attempts": 2 }, "metadata": { "a": "b" },
    });
    let reply = client.patch(&id, &change).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    for (field, value) in [
        ("method", json!("PUT")),
        ("timeout", json!("5s")),
        ("delivery", json!("at_least_once")),
        ("body_text", json!("new")),
        ("headers", json!({ "x-new": "2" })),
        ("metadata", json!({ "a": "b" })),
    ] {
        assert_eq!(reply.json[field], value);
    }
    assert_eq!(reply.json["retry"]["max_attempts"], 2);
    client.until(&id, "delivered").await;
    let hits = sink.hits_of(&id);
    assert_eq!(hits.len(), 1);
    assert_eq!((hits[0].method.as_str(), &hits[0].body[..]), ("PUT", &b"new"[..]));
    assert!(hits[0].headers.contains_key("x-new") && !hits[0].headers.contains_key("x-old"));
    // A field that the change does not name stays: a change of the target alone does not move the timer.
    let id = client.create(&json!({ "delay": "1h", "url": sink.url("/ok"), "method": "GET" })).await;
    let before = client.get(&id).await;
    let reply = client.patch(&id, &json!({ "url": sink.url("/other") })).await;
    assert_eq!((&reply.json["due_at"], &reply.json["method"]), (&before["due_at"], &json!("GET")));
    let reply = client.patch(&id, &json!({ "body": 1 })).await;
    assert_eq!((reply.status, reply.pointers()), (422, vec!["/body"]));
}

#[tokio::test]
async fn a_change_of_what_has_changed_meanwhile_does_nothing() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let client = nodes[0].client();
    let created = client.post(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let path = format!("/timer/{}", created.json["id"].as_str().unwrap());
    let tag = created.header("etag").to_owned();
    let change = |client: Client, tag: String, delay: u32| {
        let path = path.clone();
        async move {
            let body = json!({ "minutes": delay }).to_string();
            client.send(Method::PATCH, &path, &[("if-match", &tag)], &body).await
        }
    };
    // Of many clients that have seen the same revision, one wins.
    let racing = (1..=20).map(|n| change(nodes[n % 2].client(), tag.clone(), 10 + n as u32));
    let replies = futures_util::future::join_all(racing).await;
    let won: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(won.len(), 1);
    for lost in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!(
            (lost.status, &lost.json["type"]),
            (412, &json!("urn:jettimer:problem:precondition-failed"))
        );
        assert_eq!(lost.json["timer"]["due_at"], won[0].json["due_at"]);
    }
    let cancel = client.send(Method::DELETE, &path, &[("if-match", &tag)], "").await;
    assert_eq!(cancel.status, 412);
    let cancel = client.send(Method::DELETE, &path, &[("if-match", won[0].header("etag"))], "").await;
    assert_eq!((cancel.status, &cancel.json["state"]), (200, &json!("cancelled")));
}

#[tokio::test]
async fn a_timer_is_fired_at_once_and_only_once() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let sink = Sink::start().await;
    let client = nodes[0].client();
    let id = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    let path = format!("/timer/{id}/fire");
    let racing = (0..10).map(|n| nodes[n % 2].client()).map(|client| {
        let path = path.clone();
        async move { post(&client, &path).await }
    });
    for reply in futures_util::future::join_all(racing).await {
        assert!(reply.status == 202 || reply.status == 409, "{reply:?}");
        if reply.status == 202 {
            assert_eq!(reply.json["time_left"], 0);
        }
    }
    let timer = client.until(&id, "delivered").await;
    assert!(micros_of(&timer["due_at"]) <= sink.hits_of(&id)[0].at);
    assert_eq!(sink.hits_of(&id).len(), 1);
    assert_eq!(post(&client, &path).await.status, 409);
}

#[tokio::test]
async fn a_timer_that_a_worker_has_already_is_fired_before_it_is_due() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let at = in_millis(11_000);
    let mut ids = vec![];
    for _ in 0..20 {
        ids.push(client.create(&json!({ "at": at, "url": sink.url("/ok") })).await);
    }
    // Most of their wakes have come by now.
    let due = micros_of(&at.into());
    eventually("they are soon due", async || (now_micros() > due - 2_000_000).then_some(())).await;
    for id in &ids {
        assert_eq!(post(&client, &format!("/timer/{id}/fire")).await.status, 202);
    }
    for hit in sink.until(ids.len()).await {
        assert!(hit.at < due, "held until the old instant");
    }
    for id in &ids {
        client.until(id, "delivered").await;
        assert_eq!(sink.hits_of(id).len(), 1);
    }
}

#[tokio::test]
async fn a_failed_timer_is_replayed_with_all_its_attempts_again() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let retry = json!({ "max_attempts": 2, "initial_backoff": "1ms" });
    let timer = json!({
        "seconds": 0, "url": sink.url("/status/503/times/3"), "delivery": "at_least_once", "retry": retry,
    });
    let id = client.create(&timer).await;
    assert_eq!(client.until(&id, "failed").await["attempts"], 2);
    let reply = post(&client, &format!("/timer/{id}/replay")).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let timer = client.until(&id, "delivered").await;
    let numbers: Vec<_> =
        timer["attempt_log"].as_array().unwrap().iter().map(|a| a["number"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(sink.hits_of(&id).len(), 4);
    let again = post(&client, &format!("/timer/{id}/replay")).await;
    assert_eq!((again.status, &again.json["type"]), (409, &json!("urn:jettimer:problem:not-replayable")));
}
