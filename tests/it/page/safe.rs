//! Text from timers and receivers stays text, and the page's policy blocks everything else.

use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::Stage;
use crate::support::browser::Tab;
use crate::support::raw::{self, Raw};
use crate::support::{Broker, Node};

/// Text that would become an element, and leave a trace, if it were taken for markup.
const MARKUP: &str = "<img src=x onerror=\"window.injected=1\"><script>window.injected=1</script>";

#[tokio::test]
async fn text_from_timers_and_receivers_makes_no_markup() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let receiver = receiver_that_answers(MARKUP).await;
    let timer = json!({
        "seconds": 0, "url": format!("{receiver}/{MARKUP}?{MARKUP}"), "body_text": MARKUP, "delivery": "at_least_once",
        "headers": { "x-a": MARKUP }, "metadata": { MARKUP.get(..60).unwrap(): MARKUP }, "retry": { "max_attempts": 1 }
    });
    let id = client.create(&timer).await;
    client.until(&id, "failed").await;
    let tab = Tab::open(&client.url(&format!("/#/timer/{id}"))).await;
    tab.sees(".facts pre", "onerror").await;
    tab.click("summary", "Answer").await;
    tab.sees(".station pre", "<script>window.injected=1</script>").await;
    for view in ["#/", "#/timers", "#/service"] {
        tab.go(&client.url(&format!("/{view}"))).await;
        tab.sees("main h1", "").await;
    }
    tab.go(&client.url(&format!("/#/timers?host={MARKUP}"))).await;
    tab.sees(".empty", "").await;
    tab.go(&client.url(&format!("/#/timer/{MARKUP}"))).await;
    tab.sees("h1", "The timer cannot be shown").await;
    assert_eq!(tab.eval("window.injected").await, json!(null));
    // The only picture is the page's own.
    assert_eq!(tab.eval("document.querySelectorAll('img').length").await, 1);
    tab.close().await;
}

#[tokio::test]
async fn the_policy_keeps_out_what_is_not_of_the_page() {
    let stage = Stage::set().await;
    let tab = stage.page("").await;
    tab.sees("button", "Set timer").await;
    assert_eq!(tab.complaints(), Vec::<String>::new());
    // A script in the page, one in an attribute, one from text, markup from text, and a file from another origin.
    for attack in [
        "const s = document.createElement('script'); s.append('window.injected = 1'); document.body.append(s)",
        "const b = document.createElement('b'); b.setAttribute('onclick', 'window.injected = 1'); document.body.append(b); b.click()",
        "document.body.insertAdjacentElement('beforeend', document.createElement('div')).innerHTML = '<b>injected</b>'",
        "const i = new Image(); i.src = 'http://127.0.0.1:9/picture'; document.body.append(i)",
        "const s = document.createElement('style'); s.append('body { display: none }'); document.head.append(s)",
        "window.location.assign('javascript:window.injected=1')",
    ] {
        let before = tab.complaints().len();
        tab.eval(&format!("(() => {{ try {{ {attack} }} catch {{}} }})()")).await;
        crate::support::eventually(attack, async || (tab.complaints().len() > before).then_some(())).await;
    }
    assert_eq!(tab.eval("window.injected").await, json!(null));
    assert_eq!(tab.eval("getComputedStyle(document.body).display").await, "block");
}

#[tokio::test]
async fn no_other_page_may_show_it_in_a_frame() {
    let stage = Stage::set().await;
    for path in ["/", "/ui_timer"] {
        let page = stage.node.client().send(Method::GET, path, &[], "").await;
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{page:?}");
    }
}

/// A receiver that answers every call with 400 and this text.
async fn receiver_that_answers(text: &'static str) -> String {
    let answer =
        format!("HTTP/1.1 400 no\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len());
    let receiver = Raw::start(move |mut stream| {
        let answer = answer.clone();
        async move {
            raw::head(&mut stream).await;
            // A client that has gone does not need the answer.
            stream.write_all(answer.as_bytes()).await.ok();
        }
    })
    .await;
    format!("http://{}", receiver.address())
}
