//! `/stats`, of a new service without events.

use expect_test::expect;
use reqwest::Method;
use serde_json::json;

use super::same;
use crate::support::{Broker, Node, eventually};

#[tokio::test]
async fn the_numbers_of_the_page_are_these() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let mut reply = eventually("everything is known", async || {
        let reply = node.client().send(Method::GET, "/stats", &[], "").await;
        (reply.json["missing"] == json!([])).then_some(reply)
    })
    .await;
    // A minute may have ended since the broker was started.
    reply.json["history"]["minutes"].as_array_mut().unwrap().truncate(1);
    same(
        &reply,
        &expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "at": "<instant>",
          "backlog": 0,
          "history": {
            "complete": true,
            "lateness_ms": "<milliseconds>",
            "minutes": [
              {
                "cancelled": 0,
                "created": 0,
                "delivered": 0,
                "failed": 0,
                "fired": 0,
                "lateness_ms": "<milliseconds>",
                "start": "<instant>",
                "unknown": 0
              }
            ],
            "since": "<instant>"
          },
          "missing": [],
          "nats": {
            "cluster": null,
            "connected": true,
            "round_trip_ms": "<milliseconds>",
            "server": "<server>",
            "streams": [
              {
                "bytes": 0,
                "consumers": [],
                "messages": 0,
                "name": "KV_timers",
                "replicas": [
                  {
                    "current": true,
                    "lag": 0,
                    "leader": true,
                    "server": "<server>"
                  }
                ]
              },
              {
                "bytes": 0,
                "consumers": [
                  {
                    "ack_pending": 0,
                    "name": "workers",
                    "pending": 0
                  }
                ],
                "messages": 0,
                "name": "TIMERS",
                "replicas": [
                  {
                    "current": true,
                    "lag": 0,
                    "leader": true,
                    "server": "<server>"
                  }
                ]
              }
            ],
            "version": "<version>"
          },
          "time_scale": 1,
          "timers": {
            "cancelled": 0,
            "complete": true,
            "delivered": 0,
            "failed": 0,
            "firing": 0,
            "overdue": 0,
            "overdue_held_up": 0,
            "scheduled": 0,
            "total": 0,
            "unknown": 0
          }
        }
    "#]],
    );
}
