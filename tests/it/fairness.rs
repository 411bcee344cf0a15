//! A receiver that is slow, dead or limited holds up only its own timers.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::jetstream::metric;
use crate::support::raw::{Raw, head};
use crate::support::{Broker, Client, Node, Sink, eventually, in_millis, now_micros};

async fn receiver(client: &Client, sink: &Sink) -> Value {
    let reply = client.send(Method::GET, "/receivers", &[], "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let all = reply.json["receivers"].as_array().unwrap().clone();
    let name = sink.url("").trim_start_matches("http://").to_owned();
    all.into_iter().find(|receiver| receiver["receiver"] == name.as_str()).unwrap_or_default()
}

async fn create_many(client: &Client, timers: &[Value]) -> Vec<String> {
    let reply = client.send(Method::POST, "/timers", &[], &json!(timers).to_string()).await;
    let results = reply.json["results"].as_array().expect("results").clone();
    results.iter().map(|result| result["timer"]["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_hold_up_another() {
    let broker = Broker::start().await;
    // Fewer places than the hanging receiver has timers.
    let node =
        Node::with(&broker, &["--max-calls", "20", "--max-calls-per-receiver", "10", "--max-held", "100"])
            .await;
    let (hanging, healthy) = (Sink::start().await, Sink::start().await);
    let client = node.client();
    let due = in_millis(1_500);
    let stuck = json!({ "at": due, "url": hanging.url("/hang"), "timeout": "10m" });
    let stuck = create_many(&client, &vec![stuck; 300]).await;
    let due = in_millis(3_000);
    let well = create_many(&client, &vec![json!({ "at": due, "url": healthy.url("/ok") }); 300]).await;
    for id in &well {
        client.until(id, "delivered").await;
    }
    // None of the other timers has ended, and none was dropped or counted as tried.
    let seen = eventually("timers that wait for the receiver are postponed", async || {
        let seen = receiver(&client, &hanging).await;
        (seen["postponed"].as_u64().unwrap() > 0).then_some(seen)
    })
    .await;
    let called = hanging.hits().len();
    assert!((4..=10).contains(&called), "{called}");
    assert_eq!((&seen["in_flight"], &seen["breaker"]), (&json!(called), &json!("closed")), "{seen}");
    let mut scheduled = 0;
    for id in &stuck {
        let timer = client.get(id).await;
        scheduled += usize::from(timer["state"] == "scheduled");
        assert!(timer["attempts"].as_u64().unwrap() <= 1, "{timer}");
    }
    assert_eq!(scheduled, 300 - called);
    // Once the receiver answers, each of them is called exactly once.
    hanging.release();
    for id in &stuck {
        client.until(id, "delivered").await;
    }
    assert!(hanging.counts().values().all(|count| *count == 1));
}

/// The default number of a node's places for calls, and the number that long calls leave free.
const PLACES: usize = 512;
const LEFT: usize = 64;

/// Four receivers that hang, each with more timers than a receiver may have places.
async fn four_that_hang(client: &Client) -> Vec<Sink> {
    let mut hanging = vec![];
    for _ in 0..4 {
        let sink = Sink::start().await;
        let stuck = json!({ "seconds": 0, "url": sink.url("/hang"), "timeout": "10m" });
        create_many(client, &vec![stuck; 200]).await;
        hanging.push(sink);
    }
    // Once each receiver has its share, timers of all of them are postponed: first those beyond a receiver's share, then
    // those for which the node has no place.
    for sink in &hanging {
        eventually("its timers are postponed", async || {
            (receiver(client, sink).await["postponed"].as_u64() > Some(0)).then_some(())
        })
        .await;
    }
    let for_lack_of_places = "jettimer_calls_postponed_total{reason=\"node\"}";
    eventually("the node has no place", async || {
        (metric(client, for_lack_of_places).await > 0.0).then_some(())
    })
    .await;
    hanging
}

#[tokio::test]
async fn receivers_that_hang_leave_places_to_one_that_answers_and_to_one_that_was_never_called() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let answers = Sink::start().await;
    let first = client.create(&json!({ "seconds": 0, "url": answers.url("/ok") })).await;
    client.until(&first, "delivered").await;
    let hanging = four_that_hang(&client).await;
    let new = Sink::start().await;
    for sink in [&answers, &new] {
        let timers = vec![json!({ "seconds": 0, "url": sink.url("/ok") }); 100];
        for id in create_many(&client, &timers).await {
            client.until(&id, "delivered").await;
        }
    }
    let now: Vec<usize> = hanging.iter().map(|sink| sink.hits().len()).collect();
    let in_all: usize = now.iter().sum();
    assert!(in_all <= PLACES - LEFT && now.iter().all(|one| *one > 0), "{now:?} of {PLACES} places");
    hanging.iter().for_each(Sink::release);
}

#[tokio::test]
async fn a_path_that_hangs_leaves_places_to_other_paths_of_its_receiver() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let (client, sink) = (node.client(), Sink::start().await);
    let stuck = json!({ "seconds": 0, "url": sink.url("/hang"), "timeout": "10m" });
    create_many(&client, &vec![stuck; 300]).await;
    eventually("its timers are postponed", async || {
        (receiver(&client, &sink).await["postponed"].as_u64() > Some(0)).then_some(())
    })
    .await;
    let well = vec![json!({ "seconds": 0, "url": sink.url("/ok") }); 100];
    for id in create_many(&client, &well).await {
        client.until(&id, "delivered").await;
    }
    let hits = sink.hits();
    let hanging = hits.iter().filter(|hit| hit.path == "/hang").count();
    assert!((4..128).contains(&hanging) && hits.len() == hanging + 100, "{hanging} of {}", hits.len());
    sink.release();
}

#[tokio::test]
async fn a_path_that_a_proxy_refuses_is_held_back_and_the_others_of_its_receiver_are_not() {
    let broker = Broker::start().await;
    let proxy = Raw::start(|mut stream: TcpStream| async move {
        let answer = if head(&mut stream).await.contains("/secret") {
            "HTTP/1.1 403 Forbidden\r\nproxy-status: p.test; error=http_request_denied\r\n"
        } else {
            "HTTP/1.1 204 No Content\r\n"
        };
        stream.write_all(format!("{answer}connection: close\r\n\r\n").as_bytes()).await.unwrap();
    })
    .await;
    let url = format!("http://{}/", proxy.address());
    let node = Node::with(&broker, &["--breaker-failures", "3", "--egress-proxy", &url]).await;
    let client = node.client();
    let retry = json!({ "max_attempts": 1 });
    for _ in 0..3 {
        let secret = json!({ "seconds": 0, "url": "http://127.0.0.1:8999/secret", "retry": retry });
        client.until(&client.create(&secret).await, "failed").await;
    }
    let reply = client.send(Method::GET, "/receivers", &[], "").await;
    let seen = &reply.json["receivers"][0];
    assert_eq!((&seen["breaker"], &seen["paths_left_alone"]), (&json!("partly"), &json!(1)), "{seen}");
    let other = client.create(&json!({ "seconds": 0, "url": "http://127.0.0.1:8999/open" })).await;
    client.until(&other, "delivered").await;
}

#[tokio::test]
async fn a_tenant_of_the_query_that_fails_is_held_back_and_the_others_of_its_path_are_not() {
    let broker = Broker::start().await;
    let receiver = Raw::start(|mut stream: TcpStream| async move {
        let is_sick = head(&mut stream).await.contains("tenant=sick");
        let status = if is_sick { "500 Internal Server Error" } else { "204 No Content" };
        let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let node = Node::with(&broker, &["--breaker-failures", "3"]).await;
    let (client, hook) = (node.client(), format!("http://{}/hook", receiver.address()));
    let call = async |query: &str| {
        let timer = json!({ "seconds": 0, "method": "GET", "url": format!("{hook}?{query}") });
        client.create(&timer).await
    };
    for number in 0..3 {
        client.until(&call(&format!("tenant=sick&id={number}")).await, "failed").await;
    }
    let reply = client.send(Method::GET, "/receivers", &[], "").await;
    let seen = &reply.json["receivers"][0];
    assert_eq!((&seen["breaker"], &seen["paths_left_alone"]), (&json!("partly"), &json!(1)), "{seen}");
    client.until(&call("tenant=well&id=3").await, "delivered").await;
    let waiting = call("tenant=sick&id=4").await;
    eventually("the sick one waits", async || {
        (client.get(&waiting).await["waiting_for"]["reason"] == "breaker").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_path_that_fails_over_and_over_is_held_back_and_the_others_of_its_receiver_are_not() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--breaker-failures", "3"]).await;
    let sink = Sink::start().await;
    let client = node.client();
    for _ in 0..3 {
        let id = client.create(&json!({ "seconds": 0, "url": sink.url("/sick") })).await;
        client.until(&id, "failed").await;
    }
    let seen = receiver(&client, &sink).await;
    assert_eq!((&seen["breaker"], &seen["paths_left_alone"]), (&json!("partly"), &json!(1)), "{seen}");
    let timers: Vec<Value> = (0..20).map(|_| json!({ "seconds": 0, "url": sink.url("/sick") })).collect();
    let ids = create_many(&client, &timers).await;
    eventually("they are postponed", async || {
        (receiver(&client, &sink).await["postponed"].as_u64() >= Some(20)).then_some(())
    })
    .await;
    // A timer with another path does not wait for a probe, and its result says nothing about this path.
    let other = client.create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    client.until(&other, "delivered").await;
    let waiting = client.get(&ids[19]).await["waiting_for"].clone();
    let name = sink.url("").trim_start_matches("http://").to_owned();
    assert_eq!((&waiting["reason"], &waiting["receiver"]), (&json!("breaker"), &json!(name)), "{waiting}");
    let called = sink.hits().iter().filter(|hit| hit.path == "/sick").count();
    assert!(called <= 4, "{called}");
    sink.release();
    // A waiting timer is not counted as tried; one successful call closes the breaker for all.
    for id in &ids {
        let timer = client.until(id, "delivered").await;
        assert!(timer["last_attempt"]["lateness_ms"].as_f64().unwrap() >= 1_000.0, "{timer}");
        assert!(timer.get("waiting_for").is_none(), "{timer}");
    }
    let seen = receiver(&client, &sink).await;
    assert_eq!((&seen["breaker"], &seen["failures"]), (&json!("closed"), &json!(0)), "{seen}");
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_pause_gets_it_from_timers_that_were_not_called_before() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let asked = client.create(&json!({ "seconds": 0, "url": sink.url("/full/5") })).await;
    client.until(&asked, "failed").await;
    let timers = vec![json!({ "seconds": 0, "url": sink.url("/ok") }); 5];
    let ids = create_many(&client, &timers).await;
    let asked_at = sink.hits()[0].at;
    for id in &ids {
        let timer = client.until(id, "delivered").await;
        assert!(timer["last_attempt"]["lateness_ms"].as_f64().unwrap() >= 1_000.0, "{timer}");
    }
    for hit in &sink.hits()[1..] {
        assert!(hit.at >= asked_at + 5_000_000, "{asked_at} {hit:?}");
    }
}

#[tokio::test]
async fn timers_of_a_flow_are_called_evenly_and_so_many_at_once() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let flow = json!({ "key": "customer-1", "rate": "10/s" });
    let timers = vec![json!({ "seconds": 0, "url": sink.url("/ok"), "flow": flow }); 8];
    let asked = now_micros();
    create_many(&client, &timers).await;
    let hits: Vec<u64> = sink.until(8).await.iter().map(|hit| hit.at).collect();
    // Eight calls at intervals of a tenth of a second take seven tenths. The first one may arrive
    // slowly, and none begins before it is requested.
    assert!(
        hits.iter().all(|hit| *hit >= asked) && hits.iter().max() >= Some(&(asked + 700_000)),
        "{asked} {hits:?}"
    );

    let flow = json!({ "key": "customer-2", "parallelism": 2 });
    let timers = vec![json!({ "seconds": 0, "url": sink.url("/slow/300"), "flow": flow }); 6];
    let ids = create_many(&client, &timers).await;
    let starts: Vec<u64> = sink.until(8 + 6).await[8..].iter().map(|hit| hit.at).collect();
    // Each call lasts at least as long as the receiver takes to answer.
    for start in &starts {
        let at_once = starts.iter().filter(|other| (**other..**other + 300_000).contains(start)).count();
        assert!(at_once <= 2, "{starts:?}");
    }
    let timer = client.get(&ids[0]).await;
    assert_eq!(timer["flow"], json!({ "key": "customer-2", "parallelism": 2 }));
}
