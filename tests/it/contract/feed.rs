//! `/timers/events`.

use expect_test::expect;
use serde_json::json;

use super::{HEADERS, masked};
use crate::support::{Broker, Node, PATIENCE, plain_http};

#[tokio::test]
async fn what_happens_is_told_as_server_sent_events() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let mut response = plain_http().get(client.url("/timers/events")).send().await.expect("an answer");
    let mut text = format!("{}\n", response.status().as_u16());
    for name in HEADERS {
        if let Some(value) = response.headers().get(name) {
            text += &format!("{name}: {}\n", value.to_str().unwrap());
        }
    }
    text += "\n";
    let id = client.create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    client.patch(&id, &json!({ "delay": "2h" })).await;
    client.cancel(&id).await;
    while !text.contains("event:cancelled") || !text.ends_with("\n\n") {
        let chunk = tokio::time::timeout(PATIENCE, response.chunk()).await.expect("events in time");
        text += std::str::from_utf8(&chunk.expect("a readable feed").expect("a feed that goes on")).unwrap();
    }
    for seconds in [3_599, 3_600, 7_199, 7_200] {
        text = text.replace(&format!("\"time_left\":{seconds}"), "\"time_left\":<seconds>");
    }
    let masked = masked(&text);
    let lines = masked.lines().map(|line| match line.split_once('-') {
        Some((position, _)) if line.starts_with("id:") => format!("{position}-<seconds>\n"),
        _ => format!("{line}\n"),
    });
    expect![[r#"
        200
        content-type: text/event-stream
        cache-control: no-store
        x-accel-buffering: no

        :the feed of jettimer
        retry:1000

        event:open
        data:{}
        id:0-<seconds>

        event:created
        data:{"id":"<id>","time_left":<seconds>,"state":"scheduled","due_at":"<instant>","created_at":"<instant>","url":"http://localhost/","method":"POST","delivery":"at_most_once","timeout":"30s","attempts":0}
        id:1-<seconds>

        event:changed
        data:{"id":"<id>","time_left":<seconds>,"state":"scheduled","due_at":"<instant>","created_at":"<instant>","url":"http://localhost/","method":"POST","delivery":"at_most_once","timeout":"30s","attempts":0}
        id:2-<seconds>

        event:cancelled
        data:{"id":"<id>","time_left":0,"state":"cancelled","due_at":"<instant>","created_at":"<instant>","url":"http://localhost/","method":"POST","delivery":"at_most_once","timeout":"30s","attempts":0,"finished_at":"<instant>"}
        id:3-<seconds>

    "#]].assert_eq(&lines.collect::<String>());
}
