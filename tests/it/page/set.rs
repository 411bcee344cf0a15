//! A user sets a timer in the form, with each of the three kinds of instants, and errors appear next to their fields.

use serde_json::json;

use super::Stage;

#[tokio::test]
async fn a_timer_that_is_set_in_the_form_counts_down_and_is_seen_to_fire() {
    let stage = Stage::set().await;
    let tab = stage.page("").await;
    tab.fill("How long from now", "1h").await;
    tab.fill("URL", &stage.sink.url("/ok")).await;
    tab.click("summary", "Labels").await;
    tab.fill("Name of a label", "order").await;
    tab.fill("Value of a label", "4711").await;
    tab.click("button", "Set timer").await;
    tab.sees(".done", "Set for").await;
    tab.sees("section[aria-labelledby=due-next] li[data-state=scheduled]", "order=4711").await;
    let figure = "document.querySelector('.next-figure').textContent";
    tab.until(&format!("/^(60:00|5\\d:\\d\\d)$/.test({figure})")).await;
    let before = tab.eval(figure).await;
    tab.until(&format!("{figure} < {before}")).await;
    // It fires when the test says so, however long the steps before took.
    let id = tab.eval("document.querySelector('.done a').hash.split('/').pop()").await;
    let fire = format!("/timer/{}/fire", id.as_str().unwrap());
    assert_eq!(stage.node.client().send(reqwest::Method::POST, &fire, &[], "").await.status, 202);
    // The page is not loaded again: the change appears by itself.
    tab.sees("section[aria-labelledby=just-fired] li[data-state=delivered]", "order=4711").await;
    tab.until("document.querySelectorAll('section[aria-labelledby=due-next] li').length === 0").await;
    let hits = stage.sink.hits();
    assert_eq!(hits.len(), 1);
    tab.picture("set").await;
    tab.close().await;
}

#[tokio::test]
async fn all_that_the_api_takes_can_be_set_in_the_form() {
    let stage = Stage::set().await;
    let tab = stage.page("").await;
    tab.click("label", "h : m : s").await;
    tab.fill("Hours", "1").await;
    tab.fill("Minutes", "30").await;
    tab.choose("Method", "PUT").await;
    tab.fill("URL", "http://localhost/hook").await;
    for fold in ["Headers and body", "Delivery and retries", "Flow", "Callbacks", "Labels"] {
        tab.click("summary", fold).await;
    }
    tab.fill("Name of a header", "x-order").await;
    tab.fill("Value of a header", "4711").await;
    tab.choose("Kind of body", "body").await;
    // More digits than a script's number can hold.
    tab.fill("Body", r#"{"amount": 9007199254740993.10}"#).await;
    tab.choose("Delivery", "at_least_once").await;
    tab.fill("Time for one attempt", "5s").await;
    tab.fill("Attempts in total", "3").await;
    tab.fill("Statuses to retry", "429, 5xx").await;
    tab.fill("Key", "customer-17").await;
    tab.fill("Rate", "10/s").await;
    tab.fill("Once it is delivered", "http://localhost/done").await;
    tab.fill("Name of a label", "order").await;
    tab.fill("Value of a label", "4711").await;
    tab.click("button", "Set timer").await;
    tab.sees(".done a", "Follow it").await;
    let id = tab.eval("document.querySelector('.done a').hash.split('/').pop()").await;
    let timer = stage.node.client().get(id.as_str().unwrap()).await;
    for (field, value) in [
        ("method", json!("PUT")),
        ("headers", json!({ "x-order": "4711" })),
        ("delivery", json!("at_least_once")),
        ("timeout", json!("5s")),
        ("flow", json!({ "key": "customer-17", "rate": "10/s" })),
        ("on_delivered", json!("http://localhost/done")),
        ("metadata", json!({ "order": "4711" })),
    ] {
        assert_eq!(timer[field], value, "{field}");
    }
    assert_eq!(
        (&timer["retry"]["max_attempts"], &timer["retry"]["statuses"]),
        (&json!(3), &json!(["429", "5xx"]))
    );
    assert!((5390..=5400).contains(&timer["time_left"].as_u64().unwrap()), "{timer}");
    let line = tab.eval("document.querySelector('.curl pre').textContent").await;
    for part in [
        "curl 'http://127.0.0.1:",
        "-H 'Content-Type: application/json'",
        "9007199254740993.10",
        r#""hours": 1"#,
    ] {
        assert!(line.as_str().unwrap().contains(part), "{line}");
    }
    tab.close().await;
}

#[tokio::test]
async fn an_exact_time_is_of_the_zone_that_is_chosen() {
    let stage = Stage::set().await;
    let tab = stage.page("").await;
    tab.click("label", "At").await;
    tab.choose("Time zone", "Europe/Zurich").await;
    tab.fill("URL", "http://localhost/hook").await;
    let zone = "import('/ui/0/form/zone.js').then(({ instantIn }) => ";
    for (local, zone_name, instant) in [
        ("2030-01-15T09:00", "Europe/Zurich", "2030-01-15T09:00:00+01:00"),
        ("2030-07-15T09:00:05", "Europe/Zurich", "2030-07-15T09:00:05+02:00"),
        ("2030-07-15T09:00", "Asia/Kathmandu", "2030-07-15T09:00:00+05:45"),
        ("2030-07-15T09:00", "UTC", "2030-07-15T09:00:00+00:00"),
        // A local time that does not exist when clocks go forward, and one that exists twice when they go back.
        ("2030-03-31T02:30", "Europe/Zurich", "2030-03-31T03:30:00+02:00"),
        ("2030-10-27T02:30", "Europe/Zurich", "2030-10-27T02:30:00+02:00"),
        ("2030-03-10T02:30", "America/New_York", "2030-03-10T03:30:00-04:00"),
    ] {
        let found = tab.eval(&format!("{zone}instantIn({}, {}))", json!(local), json!(zone_name))).await;
        assert_eq!(found, instant, "{local} in {zone_name}");
    }
    tab.eval("(() => { const e = document.querySelector('input[name=at]'); e.value = '2030-01-15T09:00'; e.dispatchEvent(new Event('input', { bubbles: true })); })()").await;
    tab.sees(".field-hint", "2030-01-15T09:00:00+01:00").await;
    tab.click("button", "Set timer").await;
    tab.sees(".done", "Set for").await;
    stage.counted(1).await;
    let page = stage.node.client().send(reqwest::Method::GET, "/timers", &[], "").await;
    assert_eq!(page.json["timers"][0]["due_at"], "2030-01-15T08:00:00.000000Z", "{page:?}");
    tab.close().await;
}

#[tokio::test]
async fn what_the_api_finds_wrong_is_said_at_its_field_and_nothing_is_lost() {
    let stage = Stage::set().await;
    let tab = stage.page("").await;
    tab.fill("How long from now", "soon").await;
    tab.fill("URL", "ftp://example.com").await;
    tab.click("summary", "Headers and body").await;
    tab.fill("Name of a header", "Host").await;
    tab.fill("Value of a header", "x").await;
    tab.click("summary", "Delivery and retries").await;
    tab.fill("Attempts in total", "1.5").await;
    // The section is closed, and opens again once it has an error.
    tab.click("summary", "Delivery and retries").await;
    tab.click("button", "Set timer").await;
    let post = json!({ "delay": "soon", "url": "ftp://example.com", "headers": { "Host": "x" }, "retry": { "max_attempts": 1.5 } });
    let refused = stage.node.client().post(&post).await;
    let errors = refused.json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 4, "{refused:?}");
    for error in errors {
        tab.sees(".field-error", error["detail"].as_str().unwrap()).await;
    }
    for label in ["How long from now", "URL", "Name of a header", "Attempts in total"] {
        let told = format!(
            "[...document.querySelectorAll('[aria-invalid=true]')].some((e) => e.labels[0].innerText.includes({0}) && document.getElementById(e.getAttribute('aria-describedby').split(' ').pop()).innerText)",
            json!(label)
        );
        tab.until(&told).await;
    }
    // The first field with an error has the focus.
    assert_eq!(tab.eval("document.activeElement.name").await, "delay");
    tab.picture("errors").await;
    tab.fill("How long from now", "1h").await;
    tab.until("document.querySelectorAll('.wrong').length === 3").await;

    tab.choose("Kind of body", "body").await;
    tab.fill("Body", "{").await;
    tab.click("button", "Set timer").await;
    tab.sees(".field-error", "is not JSON").await;
    tab.close().await;
}

#[tokio::test]
async fn pressing_twice_makes_one_timer_and_no_time_at_all_is_said_above_the_button() {
    let stage = Stage::set().await;
    let tab = stage.page("").await;
    tab.fill("URL", "http://localhost/").await;
    tab.sees("button", "Set timer").await;
    tab.eval("(() => { const form = document.querySelector('.timer-form'); form.requestSubmit(); form.requestSubmit(); })()").await;
    tab.sees(".done", "Set for").await;
    stage.counted(1).await;
    tab.click("label", "h : m : s").await;
    tab.click("button", "Set timer").await;
    tab.until("document.querySelector('.form-error').textContent || document.querySelector('.wrong')").await;
    tab.close().await;
}
