//! Pages of allowed origins may use the API from a browser, and read its errors; pages of other origins may not.

use reqwest::Method;

use crate::support::{Broker, Client, Node, Reply, eventually, plain_http};

const PAGE: &str = "https://app.example";

/// The preflight of a browser before it sends a page's request.
async fn preflight(client: &Client, path: &str, origin: &str, method: &str) -> Reply {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    client.send(Method::OPTIONS, path, &headers, "").await
}

fn assert_readable(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.header("access-control-allow-origin"), PAGE, "{reply:?}");
    assert_eq!(reply.header("vary"), "origin", "{reply:?}");
    assert!(reply.header("access-control-expose-headers").contains("x-request-id"), "{reply:?}");
    assert!(!reply.headers.contains_key("access-control-allow-credentials"), "{reply:?}");
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_do_what_its_token_may_and_read_every_answer() {
    let broker = Broker::start().await;
    let line =
        format!("page read,write sha256:{} rate=3/h", jettimer::foundation::crypto::sha256_hex(b"jt_page"));
    let origins = format!("https://other.example,{PAGE}");
    let node = Node::with(&broker, &["--tokens", &line, "--cors-origins", &origins]).await;
    let client = node.client();

    // More preflights than the rate allows requests, and without a token.
    for _ in 0..4 {
        let asked = preflight(&client, "/timer/x", PAGE, "PATCH").await;
        assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, PAGE), "{asked:?}");
        assert_eq!(asked.header("access-control-allow-methods"), "GET, HEAD, PATCH, DELETE");
        let allowed: Vec<&str> = asked.header("access-control-allow-headers").split(", ").collect();
        // Pages with tracing send the last three with every request.
        for name in ["authorization", "idempotency-key", "traceparent", "tracestate", "baggage"] {
            assert!(allowed.contains(&name), "{name}: {asked:?}");
        }
        assert_eq!((asked.header("access-control-max-age"), asked.header("vary")), ("7200", "origin"));
    }

    let (origin, token) = (("origin", PAGE), ("authorization", "Bearer jt_page"));
    let send = async |method, path, headers: &[(&str, &str)], body: &str| {
        client.send(method, path, headers, body).await
    };
    assert_readable(&send(Method::GET, "/nothing", &[origin], "").await, 404);
    assert_readable(&send(Method::GET, "/timers", &[origin], "").await, 401);
    let timer = r#"{"delay": "1h", "url": "http://localhost/"}"#;
    assert_readable(&send(Method::POST, "/timer", &[origin, token], timer).await, 201);
    assert_readable(&send(Method::POST, "/timer", &[origin, token], "{}").await, 422);
    // Only the head is read, since the feed has no end.
    let feed = plain_http().get(client.url("/timers/events"));
    let feed = feed.header(origin.0, origin.1).header(token.0, token.1).send().await.expect("an answer");
    assert_eq!(
        (feed.status().as_u16(), &feed.headers()["access-control-allow-origin"]),
        (200, &PAGE.parse().unwrap())
    );
    assert_readable(&send(Method::GET, "/timers/counts", &[origin, token], "").await, 429);
}

#[tokio::test]
async fn a_page_of_another_origin_is_told_nothing() {
    let broker = Broker::start().await;
    let some = Node::with(&broker, &["--cors-origins", PAGE]).await;
    let none = Node::start(&broker).await;
    for (node, vary) in [(&some, "origin"), (&none, "")] {
        let client = node.client();
        let asked = preflight(&client, "/timer", "https://evil.example", "POST").await;
        assert_eq!((asked.status, asked.header("allow"), asked.header("vary")), (405, "POST", vary));
        let read = client.send(Method::GET, "/healthz", &[("origin", "https://evil.example")], "").await;
        assert_eq!((read.status, read.header("vary")), (200, vary));
        for name in asked.headers.keys().chain(read.headers.keys()) {
            assert!(!name.as_str().starts_with("access-control"), "{name}");
        }
    }
}

#[tokio::test]
async fn every_origin_may_if_that_is_said_and_answers_do_not_depend_on_it() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--cors-origins", "*"]).await;
    let client = node.client();
    let asked = preflight(&client, "/timers", "https://any.example", "DELETE").await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, "*"), "{asked:?}");
    for headers in [&[][..], &[("origin", "https://any.example")]] {
        let read = client.send(Method::GET, "/healthz", headers, "").await;
        assert_eq!((read.header("access-control-allow-origin"), read.header("vary")), ("*", ""), "{read:?}");
    }
    // An `OPTIONS` request that is not a preflight is answered as before.
    let options = client.send(Method::OPTIONS, "/timers", &[], "").await;
    assert_eq!((options.status, options.header("allow")), (405, "GET, HEAD, POST, DELETE"), "{options:?}");
    assert_eq!(preflight(&client, "/nothing", "https://any.example", "GET").await.status, 404);
}

#[tokio::test]
async fn where_no_token_is_needed_a_page_of_another_origin_changes_nothing() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--cors-origins", PAGE]).await;
    let client = node.client();
    let timer = r#"{"delay": "1h", "url": "http://localhost/"}"#;
    // Requests that a browser sends for any page without a preflight: their body has no type.
    let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    for (path, body) in [("/timer", timer), ("/timers", "[]"), ("/timer/x/fire", ""), ("/timer/x/replay", "")]
    {
        for headers in [&foreign[..], &foreign[..1], &foreign[1..]] {
            let reply = client.send(Method::POST, path, headers, body).await;
            assert_eq!(
                reply.json["type"], "urn:jettimer:problem:foreign-origin",
                "{path} {headers:?}: {reply:?}"
            );
        }
    }
    let counts = eventually("the index is filled", async || {
        Some(client.send(Method::GET, "/timers/counts", &foreign, "").await)
            .filter(|reply| reply.status == 200)
    });
    assert_eq!(counts.await.json["total"], 0);
    // The node's own pages, allowed pages, and clients that are not browsers.
    let own = client.url("");
    for headers in
        [&[("origin", own.as_str())][..], &[("origin", PAGE), ("sec-fetch-site", "cross-site")], &[]]
    {
        assert_eq!(client.send(Method::POST, "/timer", headers, timer).await.status, 201, "{headers:?}");
    }
}
