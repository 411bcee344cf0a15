//! A client moves a timer again and again while it waits for a pause. The timer leaves nothing behind, takes no place from
//! other timers, and is called once, at the last instant.

use serde_json::{Value, json};

use crate::support::jetstream::Hand;
use crate::support::{Broker, Node, Sink, eventually, micros_of};

#[tokio::test]
async fn a_timer_that_is_moved_often_has_one_waiting_wake() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let sink = Sink::start().await;
    let hand = Hand::of(&broker).await;
    let clients = [nodes[0].client(), nodes[1].client()];
    let id = clients[0].create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    let other = clients[0].create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    for hours in 2..30 {
        // To a later instant, an earlier one, and back.
        let reply = clients[hours % 2].patch(&id, &json!({ "hours": 1 + hours * 7 % 10 })).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    assert_eq!(hand.count("TIMERS", &format!("timers.schedule.{id}.*")).await, 1);
    // The same if two clients move it at the same time: the last move has its wake.
    for hours in 2..10 {
        let bodies = [hours, hours + 20].map(|hours| json!({ "hours": hours }));
        futures_util::future::join(clients[0].patch(&id, &bodies[0]), clients[1].patch(&id, &bodies[1]))
            .await;
        let at = micros_of(&clients[0].get(&id).await["due_at"]);
        assert!(hand.has("TIMERS", &format!("timers.schedule.{id}.{at}")).await);
    }
    // A fired timer leaves none.
    let fired = clients[0].send(reqwest::Method::POST, &format!("/timer/{id}/fire"), &[], "").await;
    assert_eq!(fired.status, 202, "{fired:?}");
    assert_eq!(hand.count("TIMERS", &format!("timers.schedule.{id}.*")).await, 0);
    assert_eq!(hand.count("TIMERS", &format!("timers.schedule.{other}.*")).await, 1);
}

#[tokio::test]
async fn a_timer_that_is_moved_by_a_fraction_of_a_second_takes_one_place_of_a_worker() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let hand = Hand::of(&broker).await;
    let client = node.client();
    let id = client.create(&json!({ "delay": "20s", "url": sink.url("/ok") })).await;
    let mut last = Value::Null;
    let mut moves = 0;
    // Each of these wakes comes to the worker at once. As long as moves go on, no wake finds the timer due.
    eventually("the worker has few wakes after many moves", async || {
        for _ in 0..20 {
            let moved = client.patch(&id, &json!({ "delay": "450ms" })).await;
            if moved.status != 200 {
                // The machine stopped for longer than that, and the timer was called meanwhile.
                return Some(());
            }
            last = moved.json["due_at"].clone();
            moves += 1;
        }
        let workers = hand.done("CONSUMER.INFO.TIMERS.workers", &Value::Null).await;
        let held = workers["num_ack_pending"].as_u64()? + workers["num_pending"].as_u64()?;
        (moves >= 60 && held <= 3).then_some(())
    })
    .await;
    client.until(&id, "delivered").await;
    let hits = sink.hits_of(&id);
    assert_eq!(hits.len(), 1);
    assert!(hits[0].at >= micros_of(&last), "it was early");
    eventually("no wake is left", async || {
        (hand.count("TIMERS", &format!("timers.*.{id}")).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_wake_names_the_receiver_that_its_timer_calls_also_after_a_change_and_when_it_is_due() {
    let broker = Broker::start().await;
    // No worker takes due wakes.
    let node = Node::with(&broker, &["--role", "api"]).await;
    let hand = Hand::of(&broker).await;
    let client = node.client();
    let named = async |wake: String, receiver: &str| {
        let fields = hand.headers("TIMERS", &wake).await;
        assert!(fields.contains(&format!("\r\nJettimer-Receiver: {receiver}\r\n")), "{fields}");
    };
    let id = client.create(&json!({ "delay": "1h", "url": "http://LOCALHOST:8001/a?secret" })).await;
    let wake = || async { format!("timers.schedule.{id}.{}", micros_of(&client.get(&id).await["due_at"])) };
    named(wake().await, "localhost:8001").await;
    for (change, receiver) in [
        (json!({ "url": "http://localhost:8001/b" }), "localhost:8001"),
        (json!({ "url": "http://localhost/b" }), "localhost:80"),
        (json!({ "url": "https://localhost/b" }), "localhost:443"),
        (json!({ "url": "http://[::1]:8002/b", "delay": "3s" }), "[::1]:8002"),
    ] {
        let changed = client.patch(&id, &change).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        named(wake().await, receiver).await;
        let due_at = micros_of(&client.get(&id).await["due_at"]);
        let fields = hand.headers("TIMERS", &wake().await).await;
        assert!(fields.contains(&format!("\r\nJettimer-Due-At: {due_at}\r\n")), "{fields}");
        assert_eq!(hand.count("TIMERS", &format!("timers.schedule.{id}.*")).await, 1);
    }
    let due = format!("timers.fire.{id}");
    eventually("the wake is due", async || hand.has("TIMERS", &due).await.then_some(())).await;
    named(due.clone(), "[::1]:8002").await;
    // A worker that gets the wake early knows until when it can leave it alone.
    let due_at = micros_of(&client.get(&id).await["due_at"]);
    let fields = hand.headers("TIMERS", &due).await;
    assert!(fields.contains(&format!("\r\nJettimer-Due-At: {due_at}\r\n")), "{fields}");
    let at_once = client.create(&json!({ "delay": "0s", "url": "http://localhost:8003/" })).await;
    named(format!("timers.fire.{at_once}"), "localhost:8003").await;
}
