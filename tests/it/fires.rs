//! A timer calls its URL once, at its instant, with the content that it was given.

use base64::Engine as _;
use reqwest::Method;
use serde_json::json;

use crate::support::{Broker, Node, Sink, in_millis, micros_of};

#[tokio::test]
async fn a_timer_calls_its_url_once_at_its_instant_and_says_so() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();

    let created =
        client.post(&json!({ "hours": 0, "minutes": 0, "seconds": 1, "url": sink.url("/ok") })).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.json["time_left"], 1);
    let id = created.json["id"].as_str().unwrap();
    assert_eq!(created.header("location"), format!("timer/{id}"));
    // The two fixed fields come first.
    assert!(created.json.to_string().starts_with('{'));

    let waiting = client.get(id).await;
    assert_eq!((&waiting["state"], &waiting["time_left"]), (&json!("scheduled"), &json!(1)));

    let delivered = client.until(id, "delivered").await;
    assert_eq!(delivered["time_left"], 0);
    assert_eq!(delivered["attempts"], 1);
    assert_eq!(delivered["last_attempt"]["status"], 200);

    let hits = sink.hits();
    assert_eq!(hits.len(), 1);
    assert!(hits[0].at >= micros_of(&created.json["due_at"]), "early");
    assert_eq!(hits[0].method, "POST");
    assert_eq!(hits[0].headers["content-type"], "application/json");
    assert_eq!(hits[0].headers["webhook-id"], id);
    assert_eq!(hits[0].headers["idempotency-key"], id);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&hits[0].body).unwrap(), json!({ "id": id }));
}

#[tokio::test]
async fn no_timer_fires_early_and_each_fires_once_whatever_its_delay() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    // The delays range from zero, across the scheduler's lead (500 ms), to well beyond it.
    let mut due = std::collections::HashMap::new();
    for n in 0..300_u64 {
        let reply = client.post(&json!({ "delay": format!("{}ms", n * 7), "url": sink.url("/ok") })).await;
        due.insert(reply.json["id"].as_str().unwrap().to_owned(), micros_of(&reply.json["due_at"]));
    }
    for hit in sink.until(300).await {
        assert!(hit.at >= due[&hit.id], "{} came {} µs early", hit.id, due[&hit.id] - hit.at);
    }
    for id in due.keys() {
        client.until(id, "delivered").await;
    }
    assert!(sink.counts().values().all(|count| *count == 1));
    assert_eq!(sink.counts().len(), 300);
}

#[tokio::test]
async fn an_instant_and_both_forms_of_delay_are_understood() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    for when in [json!({ "at": in_millis(300) }), json!({ "delay": "300ms" }), json!({ "delay": "PT0.3S" })] {
        let mut timer = when.clone();
        timer["url"] = sink.url("/ok").into();
        let id = client.create(&timer).await;
        client.until(&id, "delivered").await;
    }
    assert_eq!(sink.hits().len(), 3);
}

#[tokio::test]
async fn method_headers_and_body_are_sent_as_they_were_given() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let bytes = [0_u8, 255, 10];
    for (fields, method, content_type, body) in [
        (
            json!({ "body": { "b": [1, null], "a": "é" } }),
            "POST",
            "application/json",
            "{\"a\":\"é\",\"b\":[1,null]}".as_bytes(),
        ),
        (json!({ "method": "PUT", "body_text": "hello" }), "PUT", "text/plain; charset=utf-8", b"hello"),
        (
            json!({ "method": "PATCH", "body_base64": base64::engine::general_purpose::STANDARD.encode(bytes) }),
            "PATCH",
            "application/octet-stream",
            &bytes[..],
        ),
        (
            json!({ "body_text": "<a/>", "headers": { "Content-Type": "text/xml" } }),
            "POST",
            "text/xml",
            b"<a/>",
        ),
        (json!({ "method": "GET" }), "GET", "", b""),
        (json!({ "method": "HEAD" }), "HEAD", "", b""),
        (json!({ "method": "DELETE" }), "DELETE", "", b""),
    ] {
        let mut timer = fields.clone();
        timer["delay"] = "0s".into();
        timer["url"] = sink.url("/ok").into();
        timer["headers"]["X-Order"] = "4711".into();
        let id = client.create(&timer).await;
        client.until(&id, "delivered").await;
        let hit = sink.hits_of(&id).remove(0);
        let sent_type = hit.headers.get("content-type").map_or("", |value| value.to_str().unwrap());
        assert_eq!((hit.method.as_str(), sent_type, &hit.body[..]), (method, content_type, body), "{fields}");
        assert_eq!(hit.headers["x-order"], "4711");
    }
}

#[tokio::test]
async fn a_call_is_part_of_its_creators_trace_and_of_none_if_there_was_none() {
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let told = Sink::start().await;
    let timer = |path: &str| {
        json!({ "seconds": 0, "url": sink.url(path), "callback": told.url("/told") }).to_string()
    };
    let client = node.client();
    let traced = client.send(Method::POST, "/timer", &[("traceparent", TRACE)], &timer("/one")).await;
    let many = format!("[{}]", timer("/many"));
    client.send(Method::POST, "/timers", &[("traceparent", TRACE)], &many).await;
    client.send(Method::POST, "/timer", &[("traceparent", "nonsense")], &timer("/bad")).await;
    client.send(Method::POST, "/timer", &[], &timer("/none")).await;
    assert_eq!(traced.status, 201, "{traced:?}");
    for hit in sink.until(4).await {
        let expected = matches!(hit.path.as_str(), "/one" | "/many").then_some(TRACE);
        assert_eq!(
            hit.headers.get("traceparent").map(|value| value.to_str().unwrap()),
            expected,
            "{}",
            hit.path
        );
    }
    // The calls that tell of the end belong to the trace, too.
    let told = told.until(4).await;
    assert_eq!(told.iter().filter(|hit| hit.headers.contains_key("traceparent")).count(), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let id = client.create(&json!({ "delay": "0s", "url": sink.url("/status/302") })).await;
    let failed = client.until_final(&id).await;
    assert_eq!((&failed["state"], &failed["last_attempt"]["status"]), (&json!("failed"), &json!(302)));
    assert_eq!(sink.hits().len(), 1);
}
