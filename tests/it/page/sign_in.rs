//! If the node demands a token, the page asks for it.

use serde_json::json;

use crate::support::browser::Tab;
use crate::support::{Broker, Node, token};

#[tokio::test]
async fn a_token_is_asked_for_kept_in_the_tab_and_forgotten_on_signing_out() {
    let broker = Broker::start().await;
    let (good, line) = token("page", &["--scopes", "read,write"]).await;
    let node = Node::with(&broker, &["--tokens", &line]).await;
    let url = node.client().url("/");
    let tab = Tab::open(&url).await;
    tab.fill("Token", "jt_wrong").await;
    tab.click("button", "Sign in").await;
    tab.sees(".field-error", "does not know").await;
    tab.picture("sign-in").await;
    tab.fill("Token", &good).await;
    tab.press("Enter").await;
    tab.sees(".standing", "Live").await;
    tab.fill("URL", "http://localhost/").await;
    let line = tab.eval("document.querySelector('.curl pre').textContent").await;
    assert!(
        line.as_str().unwrap().contains("Bearer $JETTIMER_TOKEN") && !line.as_str().unwrap().contains(&good)
    );
    tab.click("button", "Set timer").await;
    tab.sees("section[aria-labelledby=due-next] li", "localhost").await;
    // In this tab a reload needs no token; no other tab has it.
    tab.go(&node.client().url("/ui_timer")).await;
    tab.sees(".standing", "Live").await;
    let other = Tab::open(&url).await;
    other.sees("h1", "Sign in").await;
    other.close().await;
    tab.click("button", "Sign out").await;
    tab.sees("h1", "Sign in").await;
    assert_eq!(tab.eval("sessionStorage.length").await, 0);
    tab.close().await;
}

#[tokio::test]
async fn a_token_that_may_not_write_is_told_so_and_does_not_see_bodies() {
    let broker = Broker::start().await;
    let (reader, read) = token("reader", &["--scopes", "read"]).await;
    let (writer, write) = token("writer", &["--scopes", "read,write"]).await;
    let node = Node::with(&broker, &["--tokens", &format!("{read};{write}")]).await;
    let client = node.client();
    let bearer = format!("Bearer {writer}");
    let body =
        json!({ "delay": "1h", "url": "http://localhost/", "body": { "secret": "s3cret" } }).to_string();
    let made = client.send(reqwest::Method::POST, "/timer", &[("authorization", &bearer)], &body).await;
    let tab = Tab::open(&client.url(&format!("/#/timer/{}", made.json["id"].as_str().unwrap()))).await;
    tab.fill("Token", &reader).await;
    tab.press("Enter").await;
    tab.sees(".facts", "your token does not show").await;
    assert_eq!(tab.eval("document.body.innerText.includes('s3cret')").await, false);
    tab.click("button", "Cancel").await;
    tab.click("dialog button", "Cancel the timer").await;
    tab.sees(".toast.bad", "reader").await;
    tab.close().await;
}
