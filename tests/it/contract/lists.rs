//! `/timers` and `/timers/counts`, and the two health checks.

use expect_test::expect;
use reqwest::Method;
use serde_json::json;

use super::check;
use crate::support::{Broker, Client, Node, eventually};

async fn until_counted(client: &Client, count: usize) {
    eventually(&format!("{count} timers are counted"), async || {
        let reply = client.send(Method::GET, "/timers/counts", &[], "").await;
        (reply.json["total"] == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn timers_are_created_listed_counted_and_cancelled_many_at_a_time() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let lines = [
        json!({ "delay": "1h", "url": "http://a.example/", "metadata": { "team": "red" } }).to_string(),
        json!({ "delay": "1h" }).to_string(),
        "{".to_owned(),
        json!({ "delay": "2h", "url": "http://b.example/" }).to_string(),
    ]
    .join("\n");
    let ndjson = [("content-type", "application/x-ndjson")];
    check(
        &client,
        Method::POST,
        "/timers",
        &ndjson,
        &lines,
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "created": 2,
          "failed": 2,
          "results": [
            {
              "status": 201,
              "timer": {
                "attempts": 0,
                "created_at": "<instant>",
                "delivery": "at_most_once",
                "due_at": "<instant>",
                "id": "<id>",
                "metadata": {
                  "team": "red"
                },
                "method": "POST",
                "state": "scheduled",
                "time_left": "<seconds>",
                "timeout": "30s",
                "url": "http://a.example/"
              }
            },
            {
              "problem": {
                "detail": "/url: is missing; give the URL to call, such as \"https://example.com/hook\"",
                "errors": [
                  {
                    "detail": "is missing; give the URL to call, such as \"https://example.com/hook\"",
                    "pointer": "/url"
                  }
                ],
                "status": 422,
                "title": "Invalid timer",
                "type": "urn:jettimer:problem:invalid-timer"
              },
              "status": 422
            },
            {
              "problem": {
                "detail": "this timer is not JSON: EOF while parsing an object at line 1 column 1",
                "status": 400,
                "title": "Malformed JSON",
                "type": "urn:jettimer:problem:malformed-json"
              },
              "status": 400
            },
            {
              "status": 201,
              "timer": {
                "attempts": 0,
                "created_at": "<instant>",
                "delivery": "at_most_once",
                "due_at": "<instant>",
                "id": "<id>",
                "method": "POST",
                "state": "scheduled",
                "time_left": "<seconds>",
                "timeout": "30s",
                "url": "http://b.example/"
              }
            }
          ]
        }
    "#]],
    )
    .await;
    until_counted(&client, 2).await;
    check(
        &client,
        Method::GET,
        "/timers?limit=1",
        &[],
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "complete": true,
          "next": "<cursor>",
          "timers": [
            {
              "attempts": 0,
              "created_at": "<instant>",
              "delivery": "at_most_once",
              "due_at": "<instant>",
              "id": "<id>",
              "metadata": {
                "team": "red"
              },
              "method": "POST",
              "state": "scheduled",
              "time_left": "<seconds>",
              "timeout": "30s",
              "url": "http://a.example/"
            }
          ]
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::GET,
        "/timers?state=failed",
        &[],
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "complete": true,
          "next": null,
          "timers": []
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::GET,
        "/timers/counts",
        &[],
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "cancelled": 0,
          "complete": true,
          "delivered": 0,
          "failed": 0,
          "firing": 0,
          "overdue": 0,
          "overdue_held_up": 0,
          "scheduled": 2,
          "total": 2,
          "unknown": 0
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::DELETE,
        "/timers?host=a.example&dry_run=true",
        &[],
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "cancelled": 0,
          "dry_run": true,
          "matched": 1,
          "more": false,
          "too_late": 0
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::DELETE,
        "/timers?host=a.example",
        &[],
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "cancelled": 1,
          "dry_run": false,
          "matched": 1,
          "more": false,
          "too_late": 0
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::POST,
        "/timers/replay?state=failed",
        &[],
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "dry_run": false,
          "matched": 0,
          "more": false,
          "replayed": 0,
          "too_late": 0
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_node_says_how_it_is() {
    let mut broker = Broker::start().await;
    let node = Node::with(&broker, &["--node-name", "n"]).await;
    let client = node.client();
    check(
        &client,
        Method::GET,
        "/nodes",
        &[],
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "clock": {
            "max_skew_ms": "<milliseconds>",
            "nats_offset_ms": "<milliseconds>",
            "peers_offset_ms": "<milliseconds>"
          },
          "nodes": [
            {
              "clock_offset_ms": "<milliseconds>",
              "differences": [],
              "instance": "<id>",
              "name": "n",
              "role": "all",
              "silent_for_ms": "<milliseconds>",
              "state": "running",
              "this": true,
              "version": "<version>"
            }
          ]
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::GET,
        "/receivers",
        &[],
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "receivers": []
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::GET,
        "/healthz",
        &[],
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store

        {
          "status": "ok",
          "version": "<version>"
        }
    "#]],
    )
    .await;
    eventually("its servers have been looked at", async || {
        let ready = client.send(Method::GET, "/readyz", &[], "").await;
        (ready.json["durability"].is_object() && ready.json["storage"] == "enough").then_some(())
    })
    .await;
    check(
        &client,
        Method::GET,
        "/readyz",
        &[],
        "",
        expect![[r#"
            200
            content-type: application/json
            cache-control: no-store

            {
              "durability": {
                "replicas": "met",
                "sync": "met",
                "version": "<version>"
              },
              "status": "ready",
              "storage": "enough",
              "version": "<version>"
            }
        "#]],
    )
    .await;
    broker.kill().await;
    eventually("the node has noticed", async || {
        (client.send(Method::GET, "/readyz", &[], "").await.status == 503).then_some(())
    })
    .await;
    check(
        &client,
        Method::GET,
        "/readyz",
        &[],
        "",
        expect![[r#"
            503
            content-type: application/json
            cache-control: no-store
            retry-after: 1

            {
              "durability": {
                "replicas": "met",
                "sync": "met",
                "version": "<version>"
              },
              "reason": "NATS did not take the request: not connected to any NATS server",
              "status": "not_ready",
              "storage": "enough",
              "version": "<version>"
            }
        "#]],
    )
    .await;
}
