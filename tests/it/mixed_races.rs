//! All requests about one timer, at two nodes at once, while it fires: each answer is definite, and all of them together
//! agree with the calls that the receiver has seen.

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use jettimer::foundation::clock::Clock;
use jettimer::foundation::tasks::Tasks;
use jettimer::node::alarm::Alarm;
use reqwest::Method;
use rules::domain::time::Timestamp;
use serde_json::json;

use crate::support::{Broker, Node, Reply, Sink, micros_of};

/// How many timers the requests compete for, and how many at once.
const RACES: usize = 600;
const AT_ONCE: usize = 20;
/// How many times as long all delays of a race become at most.
const SLOWEST: u32 = 10;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[tokio::test]
async fn cancel_change_fire_and_replay_that_meet_agree_with_what_the_receiver_has_seen() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let sink = Sink::start().await;
    let clients = nodes.each_ref().map(Node::client);
    let alarm = Alarm::start(Clock::OF_THE_WORLD, &Tasks::default()).unwrap();
    let race = |slowness: u32, n: usize| {
        let (sink, alarm, clients) = (sink.clone(), alarm.clone(), clients.clone());
        async move {
            // The timer fails, so that it can be replayed.
            let reply = clients[n % 2]
                .post(&json!({ "delay": format!("{}ms", 100 * slowness), "url": sink.url("/status/404") }))
                .await;
            assert_eq!(reply.status, 201, "{reply:?}");
            let (id, due) = (reply.json["id"].as_str().unwrap().to_owned(), micros_of(&reply.json["due_at"]));
            let path = format!("/timer/{id}");
            let wishes = [
                (Method::POST, format!("{path}/replay"), "", -5_i64),
                (Method::PATCH, path.clone(), r#"{"delay": "150ms"}"#, -3),
                (Method::POST, format!("{path}/fire"), "", -1),
                (Method::POST, format!("{path}/replay"), "", 10),
                (Method::DELETE, path.clone(), "", 20),
                (Method::POST, format!("{path}/replay"), "", 15),
            ];
            // Each request comes at its own time around the due instant, in milliseconds, shifted from race to race.
            let moved = (n % 31) as i64 * 1_000 - 15_000;
            let asked = wishes.into_iter().enumerate().map(|(wish, (method, path, body, about))| {
                let (client, alarm) = (clients[(n + wish) % 2].clone(), alarm.clone());
                async move {
                    let at = (about * 1_000 + moved * (wish as i64 % 3)) * i64::from(slowness);
                    let at = due.saturating_add_signed(at);
                    alarm.until(Timestamp::from_micros(at)).await;
                    client.send(method, &path, &JSON, body).await
                }
            });
            let replies = join_all(asked).await;
            let timer = clients[0].until_final(&id).await;
            agree(&replies, &timer, &sink.hits_of(&id).iter().map(|hit| hit.at).collect::<Vec<_>>());
            let [_, changed, fired, _, cancelled, _] = &replies[..] else { panic!("six replies") };
            let replays =
                replies.iter().filter(|reply| reply.status == 202).count() - usize::from(fired.status == 202);
            [changed.status == 200, fired.status == 202, cancelled.status == 200, replays > 0]
        }
    };
    // Each request came in time in some races and too late in others, or the requests have not met the fire. On a machine
    // that is too busy for that, all delays of a race become longer.
    let mut granted = [0; 4];
    let mut refused = [0; 4];
    for slowness in 1..=SLOWEST {
        let races = (0..RACES).map(|n| race(slowness, n));
        let done: Vec<[bool; 4]> =
            futures_util::stream::iter(races).buffer_unordered(AT_ONCE).collect().await;
        for won in done {
            for (wish, won) in won.into_iter().enumerate() {
                *if won { &mut granted[wish] } else { &mut refused[wish] } += 1;
            }
        }
        if granted.iter().chain(&refused).all(|count| *count > 0) {
            return;
        }
    }
    panic!("nothing has met: granted {granted:?}, refused {refused:?}");
}

/// Checks that the answers, the final timer and the calls are consistent.
fn agree(replies: &[Reply], timer: &serde_json::Value, hits: &[u64]) {
    let story = || format!("{replies:?} {timer} {hits:?}");
    let [early, changed, fired, late, cancelled, last] = replies else { panic!("six replies") };
    let replays = [early, late, last].into_iter().filter(|reply| reply.status == 202).count();
    for reply in replies {
        assert!(matches!(reply.status, 200 | 202 | 409), "{}", story());
        assert_eq!(reply.status == 409, reply.json["timer"]["id"] == timer["id"], "{}", story());
    }
    // A schedule begins with the creation and with each replay, and ends with a call or with the cancel.
    assert_eq!(hits.len() + usize::from(cancelled.status == 200), 1 + replays, "{}", story());
    assert_eq!(timer["attempts"], hits.len(), "{}", story());
    assert_eq!(timer["state"] == "cancelled", cancelled.status == 200, "{}", story());
    if changed.status == 200 && fired.status == 409 && cancelled.status == 409 {
        // The timer was only changed, so no call comes at the old instant.
        let moved = micros_of(&changed.json["due_at"]);
        assert!(hits.iter().any(|hit| *hit >= moved), "{}", story());
    }
}

#[tokio::test]
async fn of_changes_of_one_revision_at_two_nodes_one_is_made_every_time() {
    let broker = Broker::start().await;
    let nodes = [Node::start(&broker).await, Node::start(&broker).await];
    let clients = nodes.each_ref().map(Node::client);
    let created = clients[0].post(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let path = format!("/timer/{}", created.json["id"].as_str().unwrap());
    let mut tag = created.header("etag").to_owned();
    for round in 0..50_usize {
        let racing = (0..8_usize).map(|racer| {
            let (client, path, tag) = (clients[racer % 2].clone(), path.clone(), tag.clone());
            async move {
                let label = json!({ "metadata": { "by": format!("{round}/{racer}") } }).to_string();
                client.send(Method::PATCH, &path, &[("if-match", &tag)], &label).await
            }
        });
        let replies = join_all(racing).await;
        let won: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 200).collect();
        let [won] = won[..] else { panic!("{} have won: {replies:?}", won.len()) };
        for lost in replies.iter().filter(|reply| reply.status != 200) {
            assert_eq!(lost.status, 412, "{lost:?}");
            assert_eq!(lost.json["timer"]["metadata"], won.json["metadata"]);
        }
        assert_ne!(won.header("etag"), tag);
        won.header("etag").clone_into(&mut tag);
    }
}
