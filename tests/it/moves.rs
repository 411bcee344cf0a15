//! A timer that is moved again and again, as a client does that waits for a pause: it leaves nothing
//! behind.

use serde_json::json;

use crate::support::jetstream::Hand;
use crate::support::{Broker, Node, Sink, micros_of};

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
        // Later, earlier, and where it was before.
        let reply = clients[hours % 2].patch(&id, &json!({ "hours": 1 + hours * 7 % 10 })).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    assert_eq!(hand.count("TIMERS", &format!("timers.schedule.{id}.*")).await, 1);
    // Also if two clients move it at the same time: the last one has its wake.
    for hours in 2..10 {
        let bodies = [hours, hours + 20].map(|hours| json!({ "hours": hours }));
        futures_util::future::join(clients[0].patch(&id, &bodies[0]), clients[1].patch(&id, &bodies[1]))
            .await;
        let at = micros_of(&clients[0].get(&id).await["due_at"]);
        assert!(hand.has("TIMERS", &format!("timers.schedule.{id}.{at}")).await);
    }
    // A timer that is fired leaves none.
    let fired = clients[0].send(reqwest::Method::POST, &format!("/timer/{id}/fire"), &[], "").await;
    assert_eq!(fired.status, 202, "{fired:?}");
    assert_eq!(hand.count("TIMERS", &format!("timers.schedule.{id}.*")).await, 0);
    assert_eq!(hand.count("TIMERS", &format!("timers.schedule.{other}.*")).await, 1);
}
