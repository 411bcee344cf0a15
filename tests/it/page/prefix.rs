//! A proxy may serve the node under a prefix that the node does not know.

use reqwest::{Url, header};
use serde_json::json;
use tempfile::TempDir;

use super::Stage;
use crate::support::browser::Tab;
use crate::support::prefix::{PREFIX, Prefixed};
use crate::support::{Dev, plain_http};

#[tokio::test]
async fn the_page_and_its_documents_work_behind_a_prefix() {
    let stage = Stage::set().await;
    let proxy = Prefixed::before(&stage.node.client()).await;
    for page in ["/", "/ui_timer"] {
        let tab = Tab::open(&proxy.url(&format!("{PREFIX}{page}"))).await;
        tab.sees(".standing", "Live").await;
        tab.fill("How long from now", "1h").await;
        tab.fill("URL", "http://localhost/hook").await;
        let line = tab.eval("document.querySelector('.curl pre').textContent").await;
        assert!(
            line.as_str().unwrap().starts_with(&format!("curl '{}'", proxy.url("/jettimer/timer"))),
            "{line}"
        );
        tab.click("button", "Set timer").await;
        tab.click("a", "Follow it").await;
        tab.click("button", "Cancel").await;
        tab.click("dialog button", "Cancel the timer").await;
        tab.sees(".timer-head[data-state=cancelled]", "").await;
        tab.click("a", "Service").await;
        tab.sees("tr", "answers this page").await;
        let docs = tab.eval("document.querySelector('.docs-link').href").await;
        assert_eq!(docs, proxy.url("/jettimer/docs"));
        tab.close().await;
    }
    let docs = Tab::open(&proxy.url("/jettimer/docs")).await;
    docs.click("section#countTimers form button", "Send").await;
    docs.sees("section#countTimers .answer", "\"cancelled\": 2").await;
    docs.close().await;
}

#[tokio::test]
async fn the_location_of_a_timer_leads_to_it_behind_a_prefix() {
    let stage = Stage::set().await;
    let proxy = Prefixed::before(&stage.node.client()).await;
    let timer = json!({ "delay": "1h", "url": "http://localhost/" });
    let http = plain_http();
    for asked in [stage.node.client().url("/timer"), proxy.url("/jettimer/timer")] {
        let created = http
            .post(&asked)
            .header("content-type", "application/json")
            .body(timer.to_string())
            .send()
            .await
            .unwrap();
        let location = created.headers()[header::LOCATION].to_str().unwrap();
        let there = Url::parse(&asked).unwrap().join(location).unwrap();
        assert_eq!(http.get(there.clone()).send().await.unwrap().status(), 200, "{there}");
    }
    // A client that is generated from the document finds the node by its `servers`.
    let document = Url::parse(&proxy.url("/jettimer/openapi.json")).unwrap();
    let text = http.get(document.clone()).send().await.unwrap().text().await.unwrap();
    let openapi: serde_json::Value = serde_json::from_str(&text).unwrap();
    let server = document.join(openapi["servers"][0]["url"].as_str().unwrap()).unwrap();
    assert_eq!(server.as_str(), proxy.url("/jettimer/"));
}

#[tokio::test]
async fn the_inbox_works_behind_a_prefix() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &[]).await;
    let proxy = Prefixed::before(&dev.client()).await;
    let tab = Tab::open(&proxy.url("/jettimer/")).await;
    let inbox = proxy.url("/jettimer/dev/inbox");
    tab.until(&format!("document.querySelector('input[name=url]')?.value === {}", json!(inbox))).await;
    tab.fill("How long from now", "0s").await;
    tab.click("button", "Set timer").await;
    tab.click("a", "Inbox").await;
    tab.sees("li", "signature valid").await;
    assert_eq!(tab.eval("location.pathname").await, "/jettimer/dev/inbox");
    tab.click("a", "jettimer").await;
    tab.sees("button", "Set timer").await;
    tab.close().await;
}
