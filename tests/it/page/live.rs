//! The page follows events, says so when it cannot, and comes back by itself.

use reqwest::Method;
use serde_json::json;

use super::Stage;
use crate::support::browser::Tab;
use crate::support::{Broker, Node, Sink, plain_http};

#[tokio::test]
async fn it_says_that_it_is_cut_off_and_catches_up_once_the_node_is_back() {
    let broker = Broker::start().await;
    let mut node = Node::start(&broker).await;
    let sink = Sink::start().await;
    let address = node.client().url("").trim_start_matches("http://").to_owned();
    let tab = Tab::open(&node.client().url("/")).await;
    tab.sees(".standing", "Live").await;
    let id = node
        .client()
        .create(&json!({ "delay": "1h", "url": sink.url("/ok"), "metadata": { "n": "one" } }))
        .await;
    tab.sees("section[aria-labelledby=due-next]", "n=one").await;
    node.kill().await;
    tab.sees(".standing", "Reconnecting").await;
    tab.sees(".banner", "this page may be out of date").await;
    tab.picture("cut-off").await;
    // Another node does the work meanwhile.
    let other = Node::start(&broker).await;
    let fired = other.client().send(Method::POST, &format!("/timer/{id}/fire"), &[], "").await;
    assert_eq!(fired.status, 202, "{fired:?}");
    other.client().until(&id, "delivered").await;
    let _back = Node::with(&broker, &["--listen", &address]).await;
    tab.sees(".standing", "Live").await;
    tab.until("!document.querySelector('.banner').checkVisibility()").await;
    tab.sees("section[aria-labelledby=just-fired] li[data-state=delivered]", "n=one").await;
    tab.until("!document.querySelector('section[aria-labelledby=due-next] li')").await;
    tab.close().await;
}

#[tokio::test]
async fn while_the_feed_is_full_it_says_that_it_may_be_out_of_date() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let mut readers = vec![];
    for _ in 0..jettimer::api::MAX_READERS {
        readers.push(plain_http().get(client.url("/timers/events")).send().await.expect("the feed"));
    }
    let tab = Tab::open(&client.url("/")).await;
    tab.sees(".standing", "Reconnecting").await;
    tab.sees(".banner", "may be out of date").await;
    tab.fill("URL", "http://localhost/").await;
    tab.click("button", "Set timer").await;
    // The page still shows a change that the user makes here.
    tab.sees("section[aria-labelledby=due-next] li", "localhost").await;
    drop(readers);
    tab.sees(".standing", "Live").await;
    tab.close().await;
}

#[tokio::test]
async fn the_state_of_the_service_is_shown_with_its_nodes_receivers_and_streams() {
    let stage = Stage::set().await;
    let id = stage.node.client().create(&json!({ "seconds": 0, "url": stage.sink.url("/ok") })).await;
    stage.node.client().until(&id, "delivered").await;
    let tab = stage.page("#/service").await;
    let receiver = stage.sink.url("").trim_start_matches("http://").to_owned();
    tab.sees("tr", &receiver).await;
    tab.sees("tr", "answers this page").await;
    for stream in ["KV_timers", "TIMERS"] {
        tab.sees("tr", stream).await;
    }
    tab.until("document.querySelector('[data-kind=fired] dd').textContent === '1'").await;
    tab.until("document.querySelector('.plot-bars rect[data-series=delivered]')").await;
    tab.picture("service").await;
    tab.close().await;
}
