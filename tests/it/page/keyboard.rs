//! The whole page can be used without a mouse.

use reqwest::Method;
use serde_json::json;

use super::Stage;
use crate::support::eventually;

#[tokio::test]
async fn a_timer_is_set_found_and_cancelled_by_keys_alone() {
    let stage = Stage::set().await;
    let tab = stage.page("").await;
    tab.sees("button", "Set timer").await;
    tab.press("Tab").await;
    assert_eq!(tab.eval("document.activeElement.id").await, "skip");
    tab.press("Enter").await;
    assert_eq!(tab.eval("document.activeElement.id").await, "main");
    // The timer is not due before the test has ended, however long that takes.
    tab.tab_to("1 h").await;
    tab.press("Enter").await;
    // A key that is pressed outside a field opens the form.
    tab.press("n").await;
    tab.until("document.activeElement.name === 'url'").await;
    tab.insert("http://localhost/by-keys").await;
    tab.tab_to("Set timer").await;
    tab.press("Enter").await;
    tab.sees(".done", "Set for").await;
    tab.tab_to("Follow it").await;
    tab.press("Enter").await;
    tab.sees("h1", "localhost/by-keys").await;
    // The focus tells a user of a screen reader that there is another view.
    tab.until(
        "document.activeElement === document.querySelector('h1') || document.activeElement === document.body",
    )
    .await;
    tab.tab_to("Cancel").await;
    tab.press("Enter").await;
    tab.sees("dialog", "Cancel this timer?").await;
    tab.press("Tab").await;
    assert_eq!(tab.eval("document.activeElement.innerText").await, "Cancel the timer");
    tab.press("Enter").await;
    tab.sees(".timer-head[data-state=cancelled]", "").await;
    // Lists come from an index, which trails the timer's own view.
    eventually("the index has it as cancelled", async || {
        let counts = stage.node.client().send(Method::GET, "/timers/counts", &[], "").await;
        (counts.json["cancelled"] == 1).then_some(())
    })
    .await;

    tab.press("/").await;
    tab.until("document.activeElement.type === 'search'").await;
    tab.insert("localhost").await;
    tab.press("Enter").await;
    tab.until("location.hash === '#/timers?host=localhost'").await;
    tab.tab_to("cancelled").await;
    tab.press(" ").await;
    tab.until("location.hash.includes('state=cancelled')").await;
    // The address changes at once, and the list once it was read.
    tab.until("document.querySelectorAll('.row-link').length === 1").await;
    tab.press("j").await;
    tab.until("document.activeElement.className === 'row-link'").await;
    tab.press("Enter").await;
    tab.sees("h1", "localhost/by-keys").await;
    tab.close().await;
}

#[tokio::test]
async fn shortcuts_are_shown_and_can_be_turned_off() {
    let stage = Stage::set().await;
    stage.node.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let tab = stage.page("").await;
    tab.sees("button", "Set timer").await;
    tab.press("?").await;
    tab.sees("dialog", "Keyboard").await;
    tab.tab_to("Single-key shortcuts").await;
    tab.press(" ").await;
    tab.press("Escape").await;
    tab.until("!document.querySelector('dialog')").await;
    tab.press("s").await;
    assert_eq!(tab.eval("location.hash").await, "");
    tab.close().await;
}
