//! The page shows, edits and sends a receiver's numbers as they were written: a script's numbers have 53 bits, and JSON's have any.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::json;
use serde_json::value::RawValue;
use tempfile::TempDir;

use super::Stage;
use crate::support::browser::Tab;
use crate::support::{Dev, plain_http};

/// Numbers that a script would round, or write in another way.
const BODY: &str = r#"{"id":1970670598291982291,"n":1,"f":1.0,"big":100000000000000000000000000001,"e":1E30,"list":[-0,{}]}"#;

/// The body of a timer as the node stores it, to the byte.
async fn stored(stage: &Stage, id: &str) -> String {
    let url = stage.node.client().url(&format!("/timer/{id}"));
    let answer = plain_http().get(url).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let fields: HashMap<String, Box<RawValue>> = serde_json::from_str(&text).expect("an object");
    fields["body"].get().to_owned()
}

#[tokio::test]
async fn numbers_of_a_body_are_shown_edited_and_stored_as_they_were_written() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    let timer = format!(r#"{{"delay":"1h","url":"http://localhost/","body":{BODY}}}"#);
    let made = client.send(Method::POST, "/timer", &[("content-type", "application/json")], &timer).await;
    let id = made.json["id"].as_str().unwrap().to_owned();
    let tab = stage.page(&format!("#/timer/{id}")).await;
    for digits in ["1970670598291982291", "1.0", "100000000000000000000000000001", "1E30", "-0"] {
        tab.sees(".facts pre", digits).await;
    }
    // The page does not send untouched fields, so the body stays the same to the byte.
    tab.click("button", "Change").await;
    tab.fill("URL", "http://localhost/other").await;
    tab.click("dialog button", "Save the change").await;
    tab.sees("h1", "localhost/other").await;
    assert_eq!(stored(&stage, &id).await, BODY);

    tab.click("button", "Change").await;
    tab.click("dialog summary", "Headers and body").await;
    let form = tab.eval("document.querySelector('dialog textarea[name=body]').value").await;
    let edited = form.as_str().unwrap().replace("\"n\": 1", "\"n\": 2");
    assert_ne!(edited, form);
    tab.fill("Body", &edited).await;
    let line = tab.eval("document.querySelector('dialog .curl pre').textContent").await;
    assert!(line.as_str().unwrap().contains("1970670598291982291"), "{line}");
    tab.click("dialog button", "Save the change").await;
    tab.sees(".facts pre", "\"n\": 2").await;
    let compact: String = stored(&stage, &id).await.split_whitespace().collect();
    assert_eq!(compact, BODY.replace("\"n\":1", "\"n\":2"));
    tab.close().await;
}

#[tokio::test]
async fn numbers_are_as_they_came_in_the_inbox_and_where_operations_are_tried() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &[]).await;
    let client = dev.client();
    let timer = format!(r#"{{"seconds":0,"url":"{}","body":{BODY}}}"#, client.url("/dev/inbox"));
    let made = client.send(Method::POST, "/timer", &[("content-type", "application/json")], &timer).await;
    let id = made.json["id"].as_str().unwrap();
    client.until(id, "delivered").await;
    let inbox = Tab::open(&client.url("/dev/inbox")).await;
    inbox.click("summary", "signature valid").await;
    inbox.sees("pre", "1970670598291982291").await;
    inbox.sees("pre", "1.0").await;
    inbox.close().await;
    let docs = Tab::open(&client.url("/docs")).await;
    docs.sees("section#getTimer form", "").await;
    docs.eval(&format!("document.querySelector('#getTimer [name=id]').value = {}", json!(id))).await;
    docs.click("section#getTimer form button", "Send").await;
    docs.sees("section#getTimer .answer pre", "100000000000000000000000000001").await;
    docs.close().await;
}
