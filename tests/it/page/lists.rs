//! The list of all timers: filtered, searched, page by page, and changed together.

use reqwest::Method;
use serde_json::json;

use super::Stage;

/// How many rows a list shows.
const ROWS: &str = "document.querySelectorAll('main .row').length";

#[tokio::test]
async fn timers_are_found_by_state_host_label_and_id() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    for n in 0..3 {
        let label = json!({ "order": n.to_string(), "team": "red" });
        client.create(&json!({ "delay": "1h", "url": "http://localhost:8999/a", "metadata": label })).await;
    }
    let failing = client.create(&json!({ "seconds": 0, "url": stage.sink.url("/status/404") })).await;
    client.until(&failing, "failed").await;
    stage.counted(4).await;
    let tab = stage.page("#/timers").await;
    tab.until(&format!("{ROWS} === 4")).await;
    tab.click("button", "failed").await;
    tab.until(&format!("{ROWS} === 1")).await;
    tab.sees("li[data-state=failed]", "answered 404").await;
    // The filter is in the address, so that a user can send it to others.
    tab.until("location.hash === '#/timers?state=failed'").await;
    tab.click("button", "failed").await;
    for (text, rows) in
        [("localhost", 3), ("team=red order=1", 1), ("team=blue", 0), ("http://localhost:8999/a", 3)]
    {
        tab.fill("Search by id, host or label", text).await;
        tab.press("Enter").await;
        tab.until(&format!("{ROWS} === {rows}")).await;
    }
    tab.fill("Search by id, host or label", "team=blue").await;
    tab.press("Enter").await;
    tab.sees(".empty", "No timer matches").await;
    tab.fill("Search by id, host or label", &failing).await;
    tab.press("Enter").await;
    tab.sees("h1", "/status/404").await;
    tab.close().await;
}

#[tokio::test]
async fn what_the_page_shows_of_a_timer_is_found_by_it() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    for (url, label) in [
        ("http://127.0.0.1:8999/hook?order=4711", "John \"Jo\" Smith"),
        ("http://127.0.0.1:8998/other", "a=b"),
        ("http://[::1]:8999/", "c:\\d"),
    ] {
        client.create(&json!({ "delay": "1h", "url": url, "metadata": { "who": label } })).await;
    }
    stage.counted(3).await;
    let tab = stage.page("#/timers").await;
    tab.until(&format!("{ROWS} === 3")).await;
    let shown =
        "[...document.querySelectorAll('.row-url')].find((e) => e.innerText.includes('8999/hook')).innerText";
    let shown = tab.eval(shown).await;
    assert_eq!(shown, "127.0.0.1:8999/hook?order=4711");
    for (text, rows) in [
        (shown.as_str().unwrap(), 1),
        ("http://127.0.0.1:8999/hook?order=4711", 1),
        ("127.0.0.1:8999", 1),
        ("127.0.0.1", 2),
        ("127.1:8998", 1),
        ("127.0.0.1:8997", 0),
        ("[0:0::1]:8999", 1),
        ("::1", 1),
        ("who=a=b", 1),
        (r#""who=John \"Jo\" Smith""#, 1),
    ] {
        tab.fill("Search by id, host or label", text).await;
        tab.press("Enter").await;
        tab.until(&format!("{ROWS} === {rows}")).await;
    }
    // No timer matches this, so that the next row is a result.
    tab.fill("Search by id, host or label", "127.0.0.1:8996").await;
    tab.press("Enter").await;
    tab.until(&format!("{ROWS} === 0")).await;
    // A new timer of that host is one of the results, however the host is spelled.
    tab.fill("Search by id, host or label", "0x7f.1:8999").await;
    tab.press("Enter").await;
    tab.until(&format!("{ROWS} === 1")).await;
    client.create(&json!({ "delay": "1h", "url": "http://127.0.0.1:8998/" })).await;
    client.create(&json!({ "delay": "1h", "url": "http://[::ffff:127.0.0.1]:8999/" })).await;
    tab.sees("button", "1 timer is new or changed").await;
    // The search also finds the name of a receiver in the state of the service, and a label's own link.
    tab.fill("Search by id, host or label", "who=a=b").await;
    tab.press("Enter").await;
    tab.until(&format!("{ROWS} === 1")).await;
    tab.go(&client.url(r#"/#/timers?metadata.who=John+"Jo"+Smith"#)).await;
    tab.until(&format!("{ROWS} === 1")).await;
    tab.click("input", "Search by id, host or label").await;
    tab.press("Enter").await;
    tab.until("decodeURIComponent(location.hash) === '#/timers?metadata.who=John+\"Jo\"+Smith'").await;
    tab.until(&format!("{ROWS} === 1")).await;
    tab.close().await;
}

#[tokio::test]
async fn a_list_goes_page_by_page_and_is_not_moved_by_what_comes() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    let many: Vec<_> = (0..120)
        .map(|n| json!({ "delay": format!("{}h", n + 1), "url": format!("http://localhost/{n}") }))
        .collect();
    let made = client.send(Method::POST, "/timers", &[], &json!(many).to_string()).await;
    assert_eq!(made.status, 200, "{made:?}");
    stage.counted(120).await;
    let tab = stage.page("#/timers?sort=due").await;
    tab.until(&format!("{ROWS} === 50")).await;
    tab.sees("li:first-child", "localhost/0").await;
    tab.click("button", "Next").await;
    tab.sees("li:first-child", "localhost/50").await;
    client.create(&json!({ "delay": "1m", "url": "http://localhost/new" })).await;
    tab.sees("button", "1 timer is new or changed").await;
    tab.sees("li:first-child", "localhost/50").await;
    tab.click("button", "Next").await;
    tab.until(&format!("{ROWS} === 20")).await;
    tab.click("button", "Back").await;
    tab.sees("li:first-child", "localhost/50").await;
    tab.click("button", "Back").await;
    tab.sees("li:first-child", "localhost/new").await;
    tab.close().await;
}

#[tokio::test]
async fn all_that_a_filter_means_is_cancelled_once_it_was_counted_and_asked() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    for team in ["red", "red", "blue"] {
        client
            .create(&json!({ "delay": "1h", "url": "http://localhost/", "metadata": { "team": team } }))
            .await;
    }
    stage.counted(3).await;
    let tab = stage.page("#/timers?metadata.team=red").await;
    tab.click("button", "Cancel all of these").await;
    tab.sees("dialog", "2 timers").await;
    tab.click("dialog button", "Cancel them").await;
    tab.until("document.querySelectorAll('main li[data-state=cancelled]').length === 2").await;
    let counts = client.send(Method::GET, "/timers/counts", &[], "").await;
    assert_eq!((&counts.json["cancelled"], &counts.json["scheduled"]), (&json!(2), &json!(1)));
    tab.close().await;
}

#[tokio::test]
async fn what_has_failed_is_on_the_first_view_with_a_way_to_try_it_again() {
    let stage = Stage::set().await;
    let client = stage.node.client();
    let tab = stage.page("").await;
    tab.sees(".next-empty", "No timer is waiting").await;
    let id = client.create(&json!({ "seconds": 0, "url": stage.sink.url("/status/503/times/1") })).await;
    tab.sees("h2", "Needs attention").await;
    tab.click("section[aria-labelledby=needs-attention] li button", "Replay").await;
    tab.click("dialog button", "Replay").await;
    tab.sees("section[aria-labelledby=just-fired] li[data-state=delivered]", "2 attempts").await;
    tab.until("!document.querySelector('section[aria-labelledby=needs-attention]').checkVisibility()").await;
    assert_eq!(stage.sink.hits_of(&id).len(), 2);
    tab.close().await;
}
