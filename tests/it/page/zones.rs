//! Clocks and zones of the browser's machine: a user can set a time in a zone of any name.

use serde_json::json;

use super::Stage;
use crate::support::browser::Tab;

/// Sets a time in the form as with the browser's own control, which accepts no typed text.
async fn set(tab: &Tab, form: &str, local: &str) {
    tab.eval(&format!(
        "(() => {{ const e = document.querySelector('{form} input[name=at]'); e.value = '{local}'; e.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
    ))
    .await;
}

#[tokio::test]
async fn a_zone_of_any_name_has_a_form_that_works() {
    let stage = Stage::set().await;
    // The browser's name for the zone of its machine, for each offset of the machine's clock.
    for (name, minutes, instant) in [
        (json!("Etc/Unknown"), 0, "2030-07-15T09:00:00+00:00"),
        (json!("Etc/Unknown"), -345, "2030-07-15T09:00:00+05:45"),
        (json!(null), 210, "2030-07-15T09:00:00-03:30"),
        (json!("Nowhere/Else"), 0, "2030-07-15T09:00:00+00:00"),
        (json!("Asia/Calcutta"), -330, "2030-07-15T09:00:00+05:30"),
        (json!("Etc/GMT+5"), 300, "2030-07-15T09:00:00-05:00"),
    ] {
        let id = stage.node.client().create(&json!({ "at": instant, "url": "http://localhost/" })).await;
        let tab = Tab::open("about:blank").await;
        tab.before_each_page(&format!(
            "const named = Intl.DateTimeFormat.prototype.resolvedOptions; \
             Intl.DateTimeFormat.prototype.resolvedOptions = function () {{ return {{ ...named.call(this), timeZone: {name} ?? undefined }}; }}; \
             Date.prototype.getTimezoneOffset = () => {minutes};"
        ))
        .await;
        tab.go(&stage.node.client().url("/")).await;
        tab.click("label", "At").await;
        set(&tab, "main", "2030-07-15T09:00").await;
        tab.sees(".field-hint", instant).await;
        // A change begins with the timer's time, in the chosen zone.
        tab.go(&stage.node.client().url(&format!("/#/timer/{id}"))).await;
        tab.click("button", "Change").await;
        tab.click("dialog label", "At").await;
        tab.sees("dialog .field-hint", instant).await;
        tab.close().await;
    }
}

#[tokio::test]
async fn the_first_and_the_last_instants_that_the_control_takes_do_no_harm() {
    let stage = Stage::set().await;
    let tab = stage.page("").await;
    tab.click("label", "At").await;
    tab.fill("URL", "http://localhost/").await;
    for local in ["275760-09-13T00:00", "275760-09-12T12:00", "0001-01-01T00:00"] {
        set(&tab, "main", local).await;
        tab.click("button", "Set timer").await;
        // The node describes the error.
        tab.sees(".field-error", "").await;
        set(&tab, "main", "2030-07-15T09:00").await;
        tab.until("!document.querySelector('.wrong')").await;
    }
    tab.close().await;
}
