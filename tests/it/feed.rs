//! The feed tells a reader that follows it of every change of timers, and one that comes back of each timer that has changed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Broker, Client, Node, PATIENCE, Sink, contract, plain_http};

/// A reader of server-sent events.
pub(crate) struct Reader {
    response: reqwest::Response,
    text: String,
    /// The id of the last event.
    pub(crate) last: String,
}

impl Reader {
    pub(crate) async fn open(client: &Client, query: &str, last: Option<&str>) -> Self {
        let mut request = plain_http().get(client.url(&format!("/timers/events{query}")));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new(), last: String::new() }
    }

    /// The next event that has data: its name and its data.
    pub(crate) async fn next(&mut self) -> (String, Value) {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let field =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                if let Some(id) = field("id:") {
                    self.last = id;
                }
                if let (Some(event), Some(data)) = (field("event:"), field("data:")) {
                    let data = serde_json::from_str(&data).expect("JSON");
                    assert_eq!(contract::check_event(&event, &data), Ok(()), "{event}: {data}");
                    return (event, data);
                }
            }
            let chunk =
                tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("an event in time");
            self.text.push_str(std::str::from_utf8(&chunk.expect("bytes").expect("more")).expect("UTF-8"));
        }
    }

    /// Reads the names of the next `count` events of this timer.
    async fn names(&mut self, id: &str, count: usize) -> Vec<String> {
        let mut names = vec![];
        while names.len() < count {
            let (event, data) = self.next().await;
            if data["id"] == id {
                names.push(event);
            }
        }
        names
    }
}

#[tokio::test]
async fn every_change_of_a_timer_is_told_once_and_in_order() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let sink = Sink::start().await;
    let client = nodes[0].client();
    let mut reader = Reader::open(&nodes[1].client(), "", None).await;
    assert_eq!(reader.next().await.0, "open");
    let id = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    client.patch(&id, &json!({ "seconds": 0 })).await;
    assert_eq!(reader.names(&id, 4).await, ["created", "changed", "firing", "delivered"]);
    let failing = client.create(&json!({ "seconds": 0, "url": sink.url("/status/404") })).await;
    assert_eq!(reader.names(&failing, 3).await, ["created", "firing", "failed"]);
    let cancelled = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    client.cancel(&cancelled).await;
    assert_eq!(reader.names(&cancelled, 2).await, ["created", "cancelled"]);
}

#[tokio::test]
async fn a_reader_that_comes_back_hears_how_each_timer_ended_and_nothing_twice() {
    let mut broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let mut reader = Reader::open(&node.client(), "", None).await;
    let mut heard = vec![];
    let mut ids = vec![];
    for round in 0..4 {
        for _ in 0..20 {
            ids.push(
                node.client().create(&json!({ "seconds": 0, "url": sink.url("/ok"), "timeout": "5s" })).await,
            );
        }
        // The reader is cut off in the middle, and goes on at another node, or after NATS was killed.
        for _ in 0..13 {
            let (event, data) = reader.next().await;
            heard.extend(data["id"].as_str().map(|id| (id.to_owned(), event.clone())));
        }
        if round == 1 {
            node.kill().await;
            node = Node::start(&broker).await;
        }
        if round == 2 {
            broker.kill().await;
            broker.restart().await;
        }
        let last = reader.last.clone();
        crate::support::eventually("the node has NATS", async || {
            let reply = node.client().send(Method::GET, "/readyz", &[], "").await;
            (reply.status == 200).then_some(())
        })
        .await;
        reader = Reader::open(&node.client(), "", Some(&last)).await;
    }
    // A killed node may leave unknown timers, and a busy machine failed ones, but every timer ends.
    for id in &ids {
        node.client().until_final(id).await;
    }
    let last = ["delivered", "failed", "unknown"];
    while heard.iter().filter(|(_, event)| last.contains(&event.as_str())).count() < ids.len() {
        let (event, data) = reader.next().await;
        heard.extend(data["id"].as_str().map(|id| (id.to_owned(), event.clone())));
    }
    for id in &ids {
        let of_timer: Vec<&str> =
            heard.iter().filter(|(of, _)| of == id).map(|(_, event)| event.as_str()).collect();
        // A version that was replaced while the reader was away is not told.
        let mut all = ["created", "firing"].iter().chain(&last);
        assert!(of_timer.iter().all(|event| all.any(|next| next == event)), "{id}: {of_timer:?}");
    }
}

#[tokio::test]
async fn a_reader_that_was_away_hears_of_each_timer_that_has_changed_as_it_is_now() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let waits = json!({ "delay": "1h", "url": sink.url("/ok") });
    let (fired, unchanged, cancelled) =
        (client.create(&waits).await, client.create(&waits).await, client.create(&waits).await);
    let mut reader = Reader::open(&client, "", None).await;
    assert_eq!(reader.next().await.0, "open");
    let position = reader.last.clone();
    // A reader that follows hears every version.
    client.patch(&fired, &json!({ "seconds": 0 })).await;
    assert_eq!(reader.names(&fired, 3).await, ["changed", "firing", "delivered"]);
    client.cancel(&cancelled).await;
    let new = client.create(&waits).await;
    let other = Node::start(&broker).await;
    let mut back = Reader::open(&other.client(), "", Some(&position)).await;
    assert_eq!(back.next().await.0, "open");
    for (id, is) in [(&fired, "delivered"), (&cancelled, "cancelled"), (&new, "created")] {
        let (event, data) = back.next().await;
        assert_eq!((event.as_str(), &data["id"]), (is, &json!(id)));
    }
    client.cancel(&unchanged).await;
    for reader in [&mut reader, &mut back] {
        assert_eq!(reader.names(&unchanged, 1).await, ["cancelled"]);
    }
}

#[tokio::test]
async fn a_node_that_is_told_of_no_change_reads_the_changes() {
    // A user with the permissions of an earlier version may not subscribe to what the server republishes.
    let broker = Broker::configured(|users, config| {
        users.forbid("timers.event.*");
        config
    })
    .await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let mut reader = Reader::open(&client, "", None).await;
    assert_eq!(reader.next().await.0, "open");
    let mut ids = vec![];
    for _ in 0..300 {
        ids.push(client.create(&json!({ "delay": "1h", "url": "http://localhost/" })).await);
    }
    for id in ids {
        assert_eq!(reader.names(&id, 1).await, ["created"]);
    }
}

#[tokio::test]
async fn a_reader_hears_what_it_asks_for() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let mut of_label = Reader::open(&client, "?metadata.team=red&state=cancelled", None).await;
    let (blue, red) = (json!({ "team": "blue" }), json!({ "team": "red" }));
    for metadata in [blue, red] {
        let id =
            client.create(&json!({ "delay": "1h", "url": "http://localhost/", "metadata": metadata })).await;
        client.cancel(&id).await;
    }
    assert_eq!(of_label.next().await.0, "open");
    let (event, data) = of_label.next().await;
    assert_eq!((event.as_str(), &data["metadata"]["team"]), ("cancelled", &json!("red")));

    for bad in ["?last_event_id=x", "?id=17", "?colour=red"] {
        let reply = client.send(Method::GET, &format!("/timers/events{bad}"), &[], "").await;
        assert_eq!(reply.status, 400, "{bad}: {reply:?}");
    }
}
