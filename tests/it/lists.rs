//! Timers are found by their properties, page by page, and counted, created and cancelled many at a time.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Broker, Client, Node, Sink, eventually};

async fn get(client: &Client, path: &str) -> Value {
    let reply = client.send(Method::GET, path, &[], "").await;
    assert_eq!(reply.status, 200, "{path}: {reply:?}");
    reply.json
}

fn ids(list: &Value) -> Vec<String> {
    let timers = list["timers"].as_array().expect("timers");
    timers.iter().map(|timer| timer["id"].as_str().unwrap().to_owned()).collect()
}

/// Creates timers with one request, the first due in an hour, the others each a minute later.
async fn create_many(client: &Client, count: usize) -> Vec<String> {
    let timers: Vec<Value> = (0..count)
        .map(|n| {
            let host = if n % 2 == 0 { "even" } else { "odd" };
            json!({ "minutes": 60 + n, "url": format!("http://{host}.example/"), "metadata": { "n": (n % 5).to_string() } })
        })
        .collect();
    let reply = client
        .send(Method::POST, "/timers", &[("content-type", "application/json")], &json!(timers).to_string())
        .await;
    assert_eq!((reply.status, &reply.json["created"]), (200, &json!(count)), "{reply:?}");
    let results = reply.json["results"].as_array().unwrap();
    results.iter().map(|result| result["timer"]["id"].as_str().unwrap().to_owned()).collect()
}

async fn until_counted(client: &Client, count: usize) {
    eventually(&format!("{count} timers are counted"), async || {
        let reply = client.send(Method::GET, "/timers/counts", &[], "").await;
        (reply.json["total"] == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn timers_are_listed_in_order_by_every_filter_and_page_by_page() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let created = create_many(&nodes[0].client(), 50).await;
    let client = nodes[1].client();
    until_counted(&client, 50).await;

    let mut walked = vec![];
    let mut path = "/timers?limit=7".to_owned();
    loop {
        let page = get(&client, &path).await;
        walked.extend(ids(&page));
        // A timer that is created meanwhile belongs on an earlier page, and makes no timer appear twice.
        nodes[0].client().create(&json!({ "minutes": 1, "url": "http://localhost/" })).await;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/timers?limit=7&cursor={next}");
    }
    let known: BTreeSet<&String> = created.iter().collect();
    walked.retain(|id| known.contains(id));
    assert_eq!(walked, created);

    let of_host = get(&client, "/timers?host=ODD.example&sort=-due").await;
    let odd: Vec<String> = created.iter().skip(1).step_by(2).rev().cloned().collect();
    assert_eq!(ids(&of_host), odd);
    let labelled = get(&client, "/timers?metadata.n=3&host=even.example").await;
    assert_eq!(ids(&labelled).len(), 5);
    assert_eq!(labelled["timers"][0]["metadata"]["n"], "3");
    let window = get(
        &client,
        &format!("/timers?due_after={}&limit=3", labelled["timers"][0]["due_at"].as_str().unwrap()),
    )
    .await;
    assert_eq!(ids(&window)[0], ids(&labelled)[0]);
    assert!(ids(&get(&client, "/timers?state=failed").await).is_empty());

    let client = nodes[0].client();
    for (query, status, kind) in [
        ("limit=0", 400, "invalid-query"),
        ("state=lost", 400, "invalid-query"),
        ("colour=red", 400, "invalid-query"),
        ("cursor=x", 400, "invalid-cursor"),
    ] {
        let reply = client.send(Method::GET, &format!("/timers?{query}"), &[], "").await;
        assert_eq!(
            (reply.status, &reply.json["type"]),
            (status, &json!(format!("urn:jettimer:problem:{kind}")))
        );
    }
    let next = get(&client, "/timers?limit=1").await["next"].as_str().unwrap().to_owned();
    let other = client.send(Method::GET, &format!("/timers?cursor={next}&state=failed"), &[], "").await;
    assert_eq!(other.status, 400);
}

#[tokio::test]
async fn a_host_is_found_in_every_spelling_and_what_is_no_host_is_refused() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--allow-targets", "127.0.0.0/8,::1"]).await;
    let client = node.client();
    let urls = [
        ("idn", "http://b\u{fc}cher.example/"),
        ("dot", "http://example.com./"),
        ("port", "https://example.com:8443/"),
        ("v6", "http://[::1]:9000/"),
        ("v4", "http://127.0.0.1:9000/"),
    ];
    for (is, url) in urls {
        client.create(&json!({ "delay": "1h", "url": url, "metadata": { "is": is } })).await;
    }
    until_counted(&client, urls.len()).await;
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    for (host, expected) in [
        ("b\u{fc}cher.example", &["idn"][..]),
        ("XN--BCHER-KVA.example.", &["idn"]),
        ("B\u{dc}CHER.example:80", &["idn"]),
        ("example.com", &["dot", "port"]),
        ("Example.COM.", &["dot", "port"]),
        ("example.com:8443", &["port"]),
        ("example.com:80", &["dot"]),
        ("example.com:443", &[]),
        ("::1", &["v6"]),
        ("[0:0:0:0:0:0:0:1]", &["v6"]),
        ("[::1]:9000", &["v6"]),
        ("127.0.0.1:9000", &["v4"]),
        ("127.1", &["v4"]),
        ("[::ffff:127.0.0.1]", &["v4"]),
    ] {
        let query = format!("/timers?host={}", encode(host));
        let page = get(&client, &query).await;
        let found: BTreeSet<&str> = page["timers"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|timer| timer["metadata"]["is"].as_str())
            .collect();
        assert_eq!(found, expected.iter().copied().collect(), "{host}");
        let dry = client.send(Method::DELETE, &format!("{query}&dry_run=true"), &[], "").await;
        assert_eq!(dry.json["matched"], expected.len(), "{host}: {dry:?}");
    }
    for host in ["", "https://example.com", "example.com/", "*.example.com", "example.com:x", "a b"] {
        let reply = client.send(Method::GET, &format!("/timers?host={}", encode(host)), &[], "").await;
        assert_eq!((reply.status, reply.pointers()), (400, vec!["?host"]), "{host}: {reply:?}");
    }
}

#[tokio::test]
async fn a_list_follows_what_happens_and_what_leaves() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--retention", "2s"]).await;
    let sink = Sink::start().await;
    let client = node.client();
    let id = client.create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    eventually("it is listed as delivered", async || {
        (ids(&get(&client, "/timers?state=delivered").await) == [id.clone()]).then_some(())
    })
    .await;
    until_counted(&client, 0).await;
    assert!(ids(&get(&client, "/timers").await).is_empty());
}

#[tokio::test]
async fn one_request_creates_many_and_answers_for_each() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let good = r#"{"delay": "1h", "url": "http://localhost/"}"#;
    let lines = format!("{good}\n\n{{\"delay\": 1}}\nnonsense\r\n{good}\n");
    let headers = [("content-type", "application/x-ndjson"), ("idempotency-key", "batch-1")];
    let reply = client.send(Method::POST, "/timers", &headers, &lines).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let results = reply.json["results"].as_array().unwrap();
    let statuses: Vec<u64> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 422, 400, 201]);
    assert_eq!((&reply.json["created"], &reply.json["failed"]), (&json!(2), &json!(2)));
    assert_eq!(results[1]["problem"]["errors"][0]["pointer"], "/delay");
    // The same request again makes no new timer.
    let again = client.send(Method::POST, "/timers", &headers, &lines).await;
    assert_eq!(again.json["results"][3]["timer"]["id"], results[3]["timer"]["id"]);
    assert_eq!(again.json["results"][3]["status"], 200);

    // An item's own key equals the key in the header of a single request, whatever else is sent with the item.
    let keyed = r#"{"delay": "1h", "url": "http://localhost/", "idempotency_key": "order-1"}"#;
    let alone = client.send(Method::POST, "/timer", &[("idempotency-key", "order-1")], good).await;
    for lines in [format!("{good}\n{keyed}"), keyed.to_owned()] {
        let reply = client.send(Method::POST, "/timers", &headers[..1], &lines).await;
        let of_key = reply.json["results"].as_array().unwrap().last().unwrap();
        assert_eq!((&of_key["status"], &of_key["timer"]["id"]), (&json!(200), &alone.json["id"]), "{of_key}");
    }
    // If there is a header too, the item's own key counts.
    let both = client.send(Method::POST, "/timer", &[("idempotency-key", "order-2")], keyed).await;
    assert_eq!((both.status, &both.json["id"]), (200, &alone.json["id"]));

    let many = format!("[{}]", vec![good; 1_001].join(","));
    let reply = client.send(Method::POST, "/timers", &[], &many).await;
    assert_eq!((reply.status, &reply.json["type"]), (413, &json!("urn:jettimer:problem:too-many-timers")));
}

#[tokio::test]
async fn a_filter_cancels_what_it_means_and_nothing_else() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    create_many(&client, 20).await;
    until_counted(&client, 20).await;
    let delete = async |query: &str| client.send(Method::DELETE, &format!("/timers{query}"), &[], "").await;
    assert_eq!(delete("").await.status, 422);
    // These would be no filter if the node ignored them: it refuses each, and cancels nothing.
    for query in ["?state=scheduled&metadata.is=", "?state=scheduled&metadata=odd", "?state=scheduled&host="]
    {
        assert_eq!(delete(query).await.status, 400, "{query}");
    }
    for path in ["/timers?state=scheduled", "/timers/replay?state=failed"] {
        let method = if path.contains("replay") { Method::POST } else { Method::DELETE };
        let reply = client.send(method, path, &[], r#"{"metadata": {"is": "odd"}}"#).await;
        assert_eq!(
            (reply.status, &reply.json["type"]),
            (422, &json!("urn:jettimer:problem:filter-required"))
        );
    }
    assert_eq!(get(&client, "/timers/counts").await["scheduled"], 20);
    let dry = delete("?host=odd.example&dry_run=true").await;
    assert_eq!((&dry.json["matched"], &dry.json["cancelled"]), (&json!(10), &json!(0)));
    let done = delete("?host=odd.example").await;
    assert_eq!(
        (&done.json["cancelled"], &done.json["too_late"], &done.json["more"]),
        (&json!(10), &json!(0), &json!(false))
    );
    eventually("the counts follow", async || {
        let counts = get(&client, "/timers/counts").await;
        (counts["scheduled"] == 10 && counts["cancelled"] == 10).then_some(())
    })
    .await;
    assert_eq!(delete("?host=odd.example").await.json["matched"], 0);
}

#[tokio::test]
async fn the_dead_letters_that_a_filter_means_are_replayed_and_no_others() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let mut ids = vec![];
    for order in ["a", "b", "b"] {
        let timer =
            json!({ "seconds": 0, "url": sink.url("/status/500/times/1"), "metadata": { "order": order } });
        let id = client.create(&timer).await;
        client.until(&id, "failed").await;
        ids.push(id);
    }
    let waiting =
        client.create(&json!({ "delay": "1h", "url": sink.url("/ok"), "metadata": { "order": "b" } })).await;
    until_counted(&client, 4).await;
    eventually("they are dead letters", async || {
        (get(&client, "/timers/counts").await["failed"] == 3).then_some(())
    })
    .await;
    let replay =
        async |query: &str| client.send(Method::POST, &format!("/timers/replay{query}"), &[], "").await;
    assert_eq!(replay("").await.status, 422);
    let dry = replay("?metadata.order=b&dry_run=true").await;
    assert_eq!((&dry.json["matched"], &dry.json["replayed"]), (&json!(2), &json!(0)));
    let done = replay("?metadata.order=b").await;
    assert_eq!((&done.json["matched"], &done.json["replayed"]), (&json!(2), &json!(2)), "{done:?}");
    for id in &ids[1..] {
        assert_eq!(client.until(id, "delivered").await["attempts"], 2);
    }
    assert_eq!(client.get(&ids[0]).await["state"], "failed");
    assert_eq!(client.get(&waiting).await["state"], "scheduled");
    assert_eq!(replay("?state=delivered").await.json["matched"], 0);
}

#[tokio::test]
async fn an_index_that_is_off_or_full_says_so() {
    let broker = Broker::start().await;
    let off = Node::with(&broker, &["--index-limit", "0"]).await;
    let reply = off.client().send(Method::GET, "/timers", &[], "").await;
    assert_eq!((reply.status, &reply.json["type"]), (503, &json!("urn:jettimer:problem:index-off")));
    let small = Node::with(&broker, &["--index-limit", "3"]).await;
    create_many(&off.client(), 5).await;
    until_counted(&small.client(), 3).await;
    eventually("it says that it is not complete", async || {
        (get(&small.client(), "/timers").await["complete"] == false).then_some(())
    })
    .await;
}
