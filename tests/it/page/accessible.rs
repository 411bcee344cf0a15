//! axe-core has no objections to any view, in light and dark, at a desk and on a phone.
//!
//! It comes from PyPI and is kept next to the build, like other tools of the tests. No reviewer would read half a megabyte
//! of minified third-party script in the repository.

use serde_json::{Value, json};

use super::Stage;
use crate::support::browser::{Look, Tab};
use crate::support::python;

/// A package that contains axe-core 4.12.1; its dependencies are for another driver and left out.
const PACKAGE: &str = "axe-playwright-python==0.1.8";

async fn axe() -> String {
    let home = python::home_of(PACKAGE, &["--no-deps"]).await;
    let libraries = std::fs::read_dir(home.join("lib")).expect("libraries");
    let file = libraries
        .map(|library| library.unwrap().path().join("site-packages/axe_playwright_python/axe.min.js"))
        .find(|file| file.exists());
    std::fs::read_to_string(file.expect("axe-core")).expect("a script")
}

/// The objections of axe-core to the page in its present state.
async fn objections(tab: &Tab, axe: &str) -> Vec<String> {
    if tab.eval("typeof axe").await == "undefined" {
        tab.eval(&format!("{axe}; undefined")).await;
    }
    let tags = json!(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
    let run = format!(
        "axe.run(document, {{ runOnly: {tags} }}).then((results) => results.violations.map((one) => ({{ id: one.id, nodes: one.nodes.map((node) => node.target.join(' ') + ': ' + node.failureSummary) }})))"
    );
    let found: Value = tab.eval(&run).await;
    found.as_array().expect("a list").iter().map(Value::to_string).collect()
}

#[tokio::test]
async fn no_view_has_anything_that_axe_objects_to() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    let waiting =
        json!({ "delay": "2h", "url": "http://localhost/orders/reminder", "metadata": { "order": "4711" } });
    client.create(&waiting).await;
    client.create(&json!({ "seconds": 0, "url": stage.sink.url("/ok") })).await;
    let retry = json!({ "max_attempts": 2, "initial_backoff": "10ms" });
    let failing = json!({ "seconds": 0, "url": stage.sink.url("/status/503"), "delivery": "at_least_once", "retry": retry });
    let failed = client.create(&failing).await;
    client.until(&failed, "failed").await;
    let cancelled = client.create(&waiting).await;
    client.cancel(&cancelled).await;
    let axe = axe().await;
    let one = format!("#/timer/{failed}");
    // Each view with an element that it has once it is complete.
    let views = [
        ("now", "#/", "section[aria-labelledby=needs-attention] li"),
        ("all", "#/timers", "li[data-state=cancelled]"),
        ("timer", &one, ".phases"),
        ("service", "#/service", ".plot-bars rect"),
    ];
    for (name, hash, there) in views {
        let tab = stage.page(hash).await;
        // On a phone the colours are the same.
        for (look_name, look) in
            [("desk", Look::DESK), ("desk-dark", Look::DESK.dark()), ("phone", Look::PHONE)]
        {
            tab.look(look).await;
            tab.sees(there, "").await;
            tab.picture(&format!("{name}-{look_name}")).await;
            assert_eq!(objections(&tab, &axe).await, Vec::<String>::new(), "{name} {look_name}");
            let wider = tab.eval("document.documentElement.scrollWidth - innerWidth").await;
            assert!(wider.as_i64().unwrap() <= 0, "{name} {look_name} is wider than the window by {wider}");
        }
        tab.close().await;
    }
}

#[tokio::test]
async fn the_form_in_full_its_errors_and_the_dialogs_have_no_violations() {
    let stage = Stage::set().await;
    let id = stage.node.client().create(&json!({ "delay": "2h", "url": "http://localhost/" })).await;
    let axe = axe().await;
    let form = stage.page("").await;
    for fold in
        ["Headers and body", "Delivery and retries", "Flow", "Callbacks", "Labels", "The same with curl"]
    {
        form.click("summary", fold).await;
    }
    form.click("button", "Set timer").await;
    form.sees(".field-error", "").await;
    let timer = stage.page(&format!("#/timer/{id}")).await;
    timer.click("button", "Cancel").await;
    timer.sees("dialog", "").await;
    let change = stage.page(&format!("#/timer/{id}")).await;
    change.click("button", "Change").await;
    change.sees("dialog", "").await;
    for (name, tab) in [("form", form), ("cancel", timer), ("change", change)] {
        for (look_name, look) in [("desk", Look::DESK), ("desk-dark", Look::DESK.dark())] {
            tab.look(look).await;
            tab.picture(&format!("{name}-{look_name}")).await;
            assert_eq!(objections(&tab, &axe).await, Vec::<String>::new(), "{name} {look_name}");
        }
        tab.close().await;
    }
}
