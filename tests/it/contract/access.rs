//! The effects of tokens on answers: refusals, the rate, and the visible part of a timer.

use expect_test::expect;
use reqwest::Method;
use serde_json::json;

use super::{JSON, check, same};
use crate::support::{Broker, Node, token};

#[tokio::test]
async fn a_request_is_refused_without_a_token_that_is_good_for_it() {
    let broker = Broker::start().await;
    let (reader, of_reader) = token("reader", &["--scopes", "read"]).await;
    let (writer, of_writer) = token("writer", &["--scopes", "read,write"]).await;
    let (slow, of_slow) = token("slow", &["--scopes", "read", "--rate", "1/h"]).await;
    let node = Node::with(&broker, &["--tokens", &[of_reader, of_writer, of_slow].join(";")]).await;
    let client = node.client();
    let [reader, writer, slow] = [reader, writer, slow].map(|token| format!("Bearer {token}"));

    check(
        &client,
        Method::GET,
        "/timers",
        &[],
        "",
        expect![[r#"
        401
        content-type: application/problem+json
        cache-control: no-store
        www-authenticate: Bearer realm="jettimer"

        {
          "detail": "a token is needed: send it as `Authorization: Bearer <token>`",
          "request_id": "<id>",
          "status": 401,
          "title": "Unauthorized",
          "type": "urn:jettimer:problem:unauthorized"
        }
    "#]],
    )
    .await;
    let wrong = [("authorization", "Bearer jt_wrong")];
    check(
        &client,
        Method::GET,
        "/timers",
        &wrong,
        "",
        expect![[r#"
        401
        content-type: application/problem+json
        cache-control: no-store
        www-authenticate: Bearer realm="jettimer", error="invalid_token"

        {
          "detail": "this node does not know the token; was it replaced?",
          "request_id": "<id>",
          "status": 401,
          "title": "Unauthorized",
          "type": "urn:jettimer:problem:unauthorized"
        }
    "#]],
    )
    .await;
    let basic = [("authorization", "Basic eDp5")];
    check(
        &client,
        Method::GET,
        "/timers",
        &basic,
        "",
        expect![[r#"
        401
        content-type: application/problem+json
        cache-control: no-store
        www-authenticate: Bearer realm="jettimer", error="invalid_request"

        {
          "detail": "the Authorization header must be `Bearer <token>`",
          "request_id": "<id>",
          "status": 401,
          "title": "Unauthorized",
          "type": "urn:jettimer:problem:unauthorized"
        }
    "#]],
    )
    .await;
    check(
        &client,
        Method::POST,
        "/timer",
        &[("authorization", &reader)],
        "{}",
        expect![[r#"
        403
        content-type: application/problem+json
        cache-control: no-store
        www-authenticate: Bearer realm="jettimer", error="insufficient_scope", scope="write"

        {
          "detail": "the token reader lacks the scope write, which this request needs",
          "request_id": "<id>",
          "status": 403,
          "title": "Forbidden",
          "type": "urn:jettimer:problem:forbidden"
        }
    "#]],
    )
    .await;

    let authorized = [("authorization", slow.as_str())];
    check(
        &client,
        Method::GET,
        "/timers/counts",
        &authorized,
        "",
        expect![[r#"
        200
        content-type: application/json
        cache-control: no-store
        ratelimit-policy: "default";q=1;w=3600
        ratelimit: "default";r=0

        {
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
    "#]],
    )
    .await;
    let mut refused = client.send(Method::GET, "/timers/counts", &authorized, "").await;
    // The time until then varies, so the snapshot has a fixed one.
    let seconds = refused.header("retry-after").to_owned();
    assert!((3_500..=3_600).contains(&seconds.parse::<u64>().unwrap()));
    refused.headers.insert("retry-after", "3600".parse().unwrap());
    let detail = refused.json["detail"].as_str().unwrap().replace(&seconds, "3600");
    refused.json["detail"] = detail.into();
    same(
        &refused,
        &expect![[r#"
        429
        content-type: application/problem+json
        cache-control: no-store
        retry-after: 3600
        ratelimit-policy: "default";q=1;w=3600
        ratelimit: "default";r=0

        {
          "detail": "the rate limit is used up; try again in 3600 s",
          "request_id": "<id>",
          "status": 429,
          "title": "Too many requests",
          "type": "urn:jettimer:problem:too-many-requests"
        }
    "#]],
    );

    // A token without `read-body` sees digests of the headers and the body.
    let timer =
        json!({ "delay": "1h", "url": "http://localhost/", "headers": { "x-key": "secret" }, "body": 1 });
    let authorized = [("authorization", writer.as_str()), JSON];
    let created = client.send(Method::POST, "/timer", &authorized, &timer.to_string()).await;
    let path = format!("/timer/{}", created.json["id"].as_str().unwrap());
    check(
        &client,
        Method::GET,
        &path,
        &authorized,
        "",
        expect![[r#"
            200
            content-type: application/json
            cache-control: no-store
            etag: "<revision>"

            {
              "attempt_log": [],
              "attempts": 0,
              "body_bytes": 1,
              "body_sha256": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
              "created_at": "<instant>",
              "created_by": "writer",
              "delivery": "at_most_once",
              "due_at": "<instant>",
              "headers": {
                "x-key": "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
              },
              "id": "<id>",
              "method": "POST",
              "redacted": true,
              "retry": {
                "factor": 2.0,
                "initial_backoff": "1s",
                "max_attempts": 10,
                "max_backoff": "5m",
                "statuses": [
                  "408",
                  "429",
                  "5xx"
                ]
              },
              "state": "scheduled",
              "time_left": "<seconds>",
              "timeout": "30s",
              "url": "http://localhost/"
            }
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_page_of_another_origin_is_told_that_it_changes_nothing() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let origin = [JSON, ("origin", "https://evil.example")];
    check(
        &node.client(),
        Method::POST,
        "/timer",
        &origin,
        "{}",
        expect![[r#"
            403
            content-type: application/problem+json
            cache-control: no-store

            {
              "detail": "the request comes from a page of another origin, which --cors-origins does not list; nothing was done",
              "request_id": "<id>",
              "status": 403,
              "title": "Foreign origin",
              "type": "urn:jettimer:problem:foreign-origin"
            }
        "#]],
    )
    .await;
}
