//! A cancel or a change meets a fire, and each answer is true.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use futures_util::StreamExt as _;
use jettimer::foundation::clock::Clock;
use jettimer::foundation::tasks::Tasks;
use jettimer::node::alarm::Alarm;
use rules::domain::time::Timestamp;
use serde_json::json;

use crate::support::{Broker, Client, Node, Sink, micros_of};

/// How many races are run, and how many at once, so that races meet each other, too.
const RACES: usize = 3_000;
const AT_ONCE: usize = 50;
/// How often they are run again while one side has won no race: a busy machine may take that long until both sides meet.
const ROUNDS: usize = 10;

/// Runs `race` [`RACES`] times, many at a time, with the number of each.
async fn many<F: Future<Output = ()>>(race: impl FnMut(usize) -> F) {
    futures_util::stream::iter(0..RACES).map(race).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// The instant of meeting, close to the due instant. It moves with the results of the last races, so that the sides meet
/// however slow the machine is. The number of wins of each side depends on the machine; the answers have to be true.
#[derive(Default)]
struct Meeting {
    /// Microseconds after the due instant.
    offset: AtomicI64,
}

impl Meeting {
    /// How far a race moves the instant of the next ones, in microseconds.
    const STEP: i64 = 200;
    /// The farthest that a race is from the due instant, in microseconds.
    const FARTHEST: i64 = 90_000;

    async fn come(&self, alarm: &Alarm, due: u64, n: usize) {
        let spread = (n % 61) as i64 * 100 - 3_000;
        let offset = self.offset.load(Relaxed).clamp(-Self::FARTHEST, Self::FARTHEST) + spread;
        alarm.until(Timestamp::from_micros(due.saturating_add_signed(offset))).await;
    }

    fn client_won(&self, won: bool) {
        self.offset.fetch_add(if won { Self::STEP } else { -Self::STEP }, Relaxed);
    }
}

async fn timer_in_100_ms(client: &Client, sink: &Sink) -> (String, u64) {
    let reply = client.post(&json!({ "delay": "100ms", "url": sink.url("/ok") })).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    (reply.json["id"].as_str().unwrap().to_owned(), micros_of(&reply.json["due_at"]))
}

#[tokio::test]
async fn a_cancel_that_meets_a_fire_is_answered_with_what_happened() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let sink = Sink::start().await;
    let clients = nodes.each_ref().map(Node::client);
    let alarm = Alarm::start(Clock::OF_THE_WORLD, &Tasks::default()).unwrap();
    let meeting = Arc::new(Meeting::default());
    let cancelled: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let refused: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    for _ in 0..ROUNDS {
        many(|n| {
            let (client, other) = (clients[n % 2].clone(), clients[(n + 1) % 2].clone());
            let (sink, alarm) = (sink.clone(), alarm.clone());
            let (cancelled, refused, meeting) = (cancelled.clone(), refused.clone(), meeting.clone());
            async move {
                let (id, due) = timer_in_100_ms(&client, &sink).await;
                meeting.come(&alarm, due, n).await;
                let reply = other.cancel(&id).await;
                meeting.client_won(reply.status == 200);
                match reply.status {
                    200 => {
                        assert_eq!(reply.json["state"], "cancelled");
                        cancelled.lock().unwrap().push(id);
                    }
                    409 => {
                        let state = reply.json["timer"]["state"].as_str().unwrap().to_owned();
                        assert!(state == "firing" || state == "delivered", "{reply:?}");
                        assert_eq!(client.until_final(&id).await["state"], "delivered");
                        refused.lock().unwrap().push(id);
                    }
                    _ => panic!("{reply:?}"),
                }
            }
        })
        .await;
        if !cancelled.lock().unwrap().is_empty() && !refused.lock().unwrap().is_empty() {
            break;
        }
    }
    let counts = sink.counts();
    let (cancelled, refused) = (cancelled.lock().unwrap(), refused.lock().unwrap());
    assert!(cancelled.iter().all(|id| !counts.contains_key(id)), "called after a successful cancel");
    assert!(refused.iter().all(|id| counts.get(id) == Some(&1)), "refused, and not called once");
    assert!(!cancelled.is_empty() && !refused.is_empty(), "{} {}", cancelled.len(), refused.len());
}

#[tokio::test]
async fn a_change_that_meets_a_fire_is_answered_with_what_happened() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let sink = Sink::start().await;
    let clients = nodes.each_ref().map(Node::client);
    let alarm = Alarm::start(Clock::OF_THE_WORLD, &Tasks::default()).unwrap();
    let meeting = Arc::new(Meeting::default());
    many(|n| {
        let (client, other) = (clients[n % 2].clone(), clients[(n + 1) % 2].clone());
        let (sink, alarm, meeting) = (sink.clone(), alarm.clone(), meeting.clone());
        async move {
            let (id, due) = timer_in_100_ms(&client, &sink).await;
            meeting.come(&alarm, due, n).await;
            // To an instant within the scheduler's lead, and to a later one.
            let delay = if n % 2 == 0 { "200ms" } else { "900ms" };
            let reply = other.patch(&id, &json!({ "delay": delay })).await;
            meeting.client_won(reply.status == 200);
            let finished = client.until_final(&id).await;
            assert_eq!(finished["state"], "delivered");
            let hits = sink.hits_of(&id);
            assert_eq!(hits.len(), 1);
            match reply.status {
                200 => assert!(hits[0].at >= micros_of(&reply.json["due_at"]), "fired at the old instant"),
                409 => assert!(hits[0].at >= due),
                _ => panic!("{reply:?}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_timer_that_is_moved_fires_at_its_new_instant_in_both_directions() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let sooner = client.create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    let later = client.create(&json!({ "delay": "3s", "url": sink.url("/ok") })).await;
    let moved = [
        (&sooner, client.patch(&sooner, &json!({ "delay": "700ms" })).await),
        (&later, client.patch(&later, &json!({ "seconds": 4 })).await),
    ];
    for (id, reply) in moved {
        assert_eq!(reply.status, 200, "{reply:?}");
        client.until(id, "delivered").await;
        let hits = sink.hits_of(id);
        assert_eq!(hits.len(), 1);
        assert!(hits[0].at >= micros_of(&reply.json["due_at"]));
    }
}

#[tokio::test]
async fn a_cancelled_timer_is_never_called_and_may_be_cancelled_again() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let client = node.client();
    let cancelled = client.create(&json!({ "delay": "3s", "url": sink.url("/ok") })).await;
    let witness = client.create(&json!({ "delay": "3500ms", "url": sink.url("/ok") })).await;
    for _ in 0..2 {
        let reply = client.cancel(&cancelled).await;
        assert_eq!((reply.status, &reply.json["state"]), (200, &json!("cancelled")));
    }
    client.until(&witness, "delivered").await;
    assert!(sink.hits_of(&cancelled).is_empty());
    assert_eq!(client.patch(&cancelled, &json!({ "seconds": 1 })).await.status, 409);
    assert_eq!(client.cancel(&witness).await.status, 409);
}
