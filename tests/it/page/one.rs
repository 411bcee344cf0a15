//! The view of one timer: its life, and its actions; irreversible ones ask first.

use serde_json::json;

use super::Stage;

#[tokio::test]
async fn a_cancel_asks_and_then_the_timer_does_not_fire() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    let id = client.create(&json!({ "delay": "1h", "url": stage.sink.url("/ok") })).await;
    let tab = stage.page(&format!("#/timer/{id}")).await;
    tab.click("button", "Cancel").await;
    tab.sees("dialog", "Cancel this timer?").await;
    tab.picture("cancel").await;
    // The harmless button has the focus.
    assert_eq!(tab.eval("document.activeElement.innerText").await, "Keep it");
    tab.press("Escape").await;
    tab.until("!document.querySelector('dialog')").await;
    assert_eq!(client.get(&id).await["state"], "scheduled");
    tab.click("button", "Cancel").await;
    tab.click("dialog button", "Cancel the timer").await;
    tab.sees(".timer-head[data-state=cancelled]", "").await;
    tab.sees(".station[data-kind=cancelled]", "Cancelled").await;
    assert_eq!(client.get(&id).await["state"], "cancelled");
    tab.close().await;
}

#[tokio::test]
async fn a_change_sends_the_changed_fields_and_only_if_no_other_client_has_changed_the_timer() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    let body = json!({ "order": 4711 });
    let id = client.create(&json!({ "delay": "1h", "url": "http://localhost/a", "body": body, "metadata": { "team": "red" } })).await;
    let tab = stage.page(&format!("#/timer/{id}")).await;
    tab.click("button", "Change").await;
    tab.click("dialog label", "After").await;
    tab.fill("How long from now", "2h").await;
    tab.fill("URL", "http://localhost/b").await;
    tab.sees("dialog .curl", "").await;
    let line = tab.eval("document.querySelector('dialog .curl pre').textContent").await;
    assert!(
        line.as_str().unwrap().ends_with(r#"-d '{"delay": "2h", "url": "http://localhost/b"}'"#),
        "{line}"
    );
    // Another client changes the timer first.
    client.patch(&id, &json!({ "timeout": "7s" })).await;
    tab.click("dialog button", "Save the change").await;
    tab.sees("dialog .form-error", "changed").await;
    tab.click("dialog button", "Leave it as it is").await;
    tab.sees(".facts", "7s at most").await;
    tab.click("button", "Change").await;
    tab.fill("URL", "http://localhost/b").await;
    tab.click("dialog button", "Save the change").await;
    tab.sees("h1", "localhost/b").await;
    let timer = client.get(&id).await;
    assert_eq!(
        (&timer["url"], &timer["timeout"], &timer["body"]),
        (&json!("http://localhost/b"), &json!("7s"), &body)
    );
    tab.close().await;
}

#[tokio::test]
async fn its_attempts_are_seen_as_they_are_made_and_what_has_failed_is_replayed() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    let retry = json!({ "max_attempts": 2, "initial_backoff": "10ms" });
    let id = client
        .create(&json!({ "delay": "1h", "url": stage.sink.url("/status/503"), "delivery": "at_least_once", "retry": retry }))
        .await;
    let tab = stage.page(&format!("#/timer/{id}")).await;
    tab.click("button", "Fire now").await;
    tab.click("dialog button", "Fire now").await;
    tab.sees(".station", "Attempt 1").await;
    tab.sees(".station", "Attempt 2").await;
    tab.sees(".station[data-kind=failed]", "answered 503").await;
    tab.sees(".phases", "in all").await;
    tab.click("button", "Replay").await;
    tab.click("dialog button", "Replay").await;
    tab.sees(".station", "Replayed").await;
    tab.sees(".station", "Attempt 4").await;
    tab.until("document.querySelector('.timer-head').dataset.state === 'failed'").await;
    assert_eq!(stage.sink.hits_of(&id).len(), 4);
    tab.picture("timer").await;
    tab.close().await;
}

#[tokio::test]
async fn a_link_to_a_timer_that_is_not_there_says_so() {
    let stage = Stage::set().await;
    let tab = stage.page("#/timer/0198c0de-5f0a-7b3e-9c41-2f6d1e8a7b90").await;
    tab.sees("h1", "There is no such timer").await;
    tab.go(&stage.node.client().url("/#/timer/nonsense")).await;
    tab.sees("h1", "The timer cannot be shown").await;
    tab.close().await;
}

#[tokio::test]
async fn a_header_that_looks_like_a_digest_is_shown_and_changed_like_any_other() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    let digest = format!("sha256:{}", "ab".repeat(32));
    let headers = json!({ "x-image-digest": digest, "x-other": "1" });
    let id = client.create(&json!({ "delay": "1h", "url": "http://localhost/", "headers": headers })).await;
    let tab = stage.page(&format!("#/timer/{id}")).await;
    tab.sees(".facts", &digest).await;
    tab.click("button", "Change").await;
    tab.click("dialog summary", "Headers and body").await;
    let values =
        tab.eval("[...document.querySelectorAll('dialog [name=headers-value]')].map((e) => e.value)").await;
    assert_eq!(values, json!([digest, "1", ""]));
    assert_eq!(tab.eval("document.querySelector('dialog').innerText.includes('does not show')").await, false);
    let other = format!("sha256:{}", "cd".repeat(32));
    tab.fill("Value of a header", &other).await;
    tab.click("dialog button", "Save the change").await;
    tab.sees(".facts", &other).await;
    assert_eq!(client.get(&id).await["headers"], json!({ "x-image-digest": other, "x-other": "1" }));
    tab.close().await;
}
