//! With `--time-scale` an hour passes in a second or a minute, and nothing else changes: no timer is early, waits end
//! sooner, work of the outside world takes as long as before, and a restart changes nothing.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::refused;
use crate::support::{Dev, Sink, eventually, micros_of, now_micros};

const SECOND: u64 = 1_000_000;
const HOUR: u64 = 3_600 * SECOND;

/// An hour in a second.
const FAST: [&str; 2] = ["--time-scale", "3600"];

fn due_to_claim(attempt: &Value) -> u64 {
    micros_of(&attempt["claimed_at"])
        .checked_sub(micros_of(&attempt["due_at"]))
        .unwrap_or_else(|| panic!("early: {attempt}"))
}

#[tokio::test]
async fn an_hour_passes_in_a_second_and_not_sooner() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &FAST).await;
    assert!(dev.welcome().contains("3600 times as fast: an hour takes 1s"), "{}", dev.welcome());
    let (client, sink) = (dev.client(), Sink::start().await);
    let began = now_micros();
    let reply = client.post(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    // A client that counts down uses the date of an answer.
    let date = httpdate::parse_http_date(reply.header("date")).expect("a date");
    let date = date.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(date >= micros_of(&reply.json["created_at"]) / SECOND, "{reply:?}");
    assert!(reply.json["time_left"].as_u64().unwrap() <= 3_600, "{reply:?}");
    let id = reply.json["id"].as_str().unwrap();
    let hit = sink.until(1).await.remove(0);
    assert!(hit.at >= began + SECOND, "early by {} µs", began + SECOND - hit.at);
    let timer = client.until(id, "delivered").await;
    assert_eq!(micros_of(&timer["due_at"]) - micros_of(&timer["created_at"]), HOUR);
    due_to_claim(&timer["attempt_log"][0]);
    // Receivers use the world's clock, and would refuse a signature of tomorrow.
    let text = |name: &str| hit.headers[name].to_str().unwrap().to_owned();
    let signed: u64 = text("webhook-timestamp").parse().unwrap();
    assert!((began / SECOND..=now_micros() / SECOND).contains(&signed), "{signed}");
    assert_eq!(json!(text("jettimer-due-at")), timer["due_at"]);
}

#[tokio::test]
async fn retries_wait_by_the_clock_and_calls_take_as_long_as_they_do() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &FAST).await;
    let (client, sink) = (dev.client(), Sink::start().await);
    let retry = json!({ "initial_backoff": "4h", "max_backoff": "4h", "factor": 1 });
    let url = sink.url("/status/503/times/2");
    let retried = json!({ "seconds": 0, "url": url, "delivery": "at_least_once", "retry": retry });
    let retried = client.create(&retried).await;
    // The call takes half an hour of the node's clock, and is far within its timeout.
    let slow = client.create(&json!({ "seconds": 0, "url": sink.url("/slow/500"), "timeout": "20s" })).await;
    let hung = client.create(&json!({ "seconds": 0, "url": sink.url("/hang"), "timeout": "300ms" })).await;

    let timer = client.until(&retried, "delivered").await;
    let log = timer["attempt_log"].as_array().unwrap();
    assert_eq!(log.len(), 3);
    for pair in log.windows(2) {
        let waited = micros_of(&pair[1]["due_at"]) - micros_of(&pair[0]["finished_at"]);
        // With jitter the wait is at least half of the backoff.
        assert!((2 * HOUR..=4 * HOUR).contains(&waited), "{pair:?}");
        due_to_claim(&pair[1]);
    }
    let hits = sink.hits_of(&retried);
    assert!(hits[1].at - hits[0].at >= SECOND / 2, "the backoff did not pass in the world");
    let timer = client.until(&slow, "delivered").await;
    let call = &timer["attempt_log"][0];
    let took = micros_of(&call["finished_at"]) - micros_of(&call["claimed_at"]);
    assert!(took >= HOUR / 2, "by the clock it took {took} µs");
    let total = call["phases_ms"]["total"].as_f64().unwrap();
    assert!((500.0..20_000.0).contains(&total), "{call}");
    assert_eq!(client.until(&hung, "failed").await["last_attempt"]["result"], "no_answer");
    assert_eq!(sink.hits_of(&slow).len() + sink.hits_of(&hung).len(), 2);
}

#[tokio::test]
async fn a_restart_keeps_the_clock_and_the_timers_that_were_set_by_it() {
    let data = TempDir::new().unwrap();
    let mut dev = Dev::start(data.path(), &FAST).await;
    let sink = Sink::start().await;
    let began = now_micros();
    // One timer comes due while no process runs, the other after that; an hour is a second.
    let soon = dev.client().create(&json!({ "delay": "1h", "url": sink.url("/ok") })).await;
    let late = dev.client().post(&json!({ "delay": "12h", "url": sink.url("/ok") })).await;
    dev.kill().await;
    eventually("the first is overdue", async || (now_micros() > began + 2 * SECOND).then_some(())).await;
    assert!(sink.hits().is_empty());

    let dev = Dev::start(data.path(), &FAST).await;
    let client = dev.client();
    client.until(&soon, "delivered").await;
    let id = late.json["id"].as_str().unwrap();
    let timer = client.until(id, "delivered").await;
    assert_eq!(timer["due_at"], late.json["due_at"]);
    assert!(due_to_claim(&timer["attempt_log"][0]) < 12 * HOUR, "{timer}");
    assert!(sink.hits_of(id)[0].at >= began + 12 * SECOND, "early");
    assert_eq!(sink.hits().len(), 2);
    // Its clock differs from that of NATS, and the node does not object.
    assert_eq!(client.send(Method::GET, "/readyz", &[], "").await.status, 200);
    let stats = client.send(Method::GET, "/stats", &[], "").await.json;
    assert_eq!((&stats["time_scale"], &stats["timers"]["overdue"]), (&json!(3_600), &json!(0)));
}

#[tokio::test]
async fn records_leave_by_the_clock_and_lists_and_counts_go_by_it() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &[&FAST[..], &["--retention", "2h"]].concat()).await;
    let client = dev.client();
    let gone = client.create(&json!({ "delay": "10d", "url": "http://localhost/" })).await;
    let kept = client.post(&json!({ "delay": "10d", "url": "http://localhost/" })).await.json;
    assert_eq!(client.cancel(&gone).await.status, 200);
    let due = kept["due_at"].as_str().unwrap();
    eventually("it has left the list and the bucket", async || {
        let list = client.send(Method::GET, &format!("/timers?due_after={due}"), &[], "").await.json;
        let ids: Vec<&Value> = list["timers"].as_array()?.iter().map(|timer| &timer["id"]).collect();
        let read = client.send(Method::GET, &format!("/timer/{gone}"), &[], "").await;
        (ids == [&kept["id"]] && read.status == 404).then_some(())
    })
    .await;
    let stats = client.send(Method::GET, "/stats", &[], "").await.json;
    let minutes = stats["history"]["minutes"].as_array().unwrap();
    // The minutes are an hour or two ago by the node's clock, in which an hour is a second.
    assert!(micros_of(&stats["at"]) - micros_of(&minutes[0]["start"]) <= HOUR, "{stats}");
}

#[tokio::test]
async fn timers_of_one_clock_are_not_put_on_another() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &["--time-scale", "60"]).await;
    dev.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    assert_eq!(dev.interrupt().await, Some(0));
    for other in [&[][..], &["--time-scale", "61"]] {
        let said = refused(data.path(), other).await;
        assert!(said.contains("--time-scale 60 to keep them") && said.contains("--reset"), "{said}");
    }
    let serve = Command::new(env!("CARGO_BIN_EXE_jettimer"))
        .args(["serve", "--insecure-no-auth", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.path())
        .output()
        .await
        .expect("jettimer runs");
    let said = String::from_utf8_lossy(&serve.stderr);
    assert!(!serve.status.success() && said.contains("jettimer dev --time-scale 60"), "{said}");

    let dev = Dev::start(data.path(), &["--reset"]).await;
    assert_eq!(dev.client().send(Method::GET, "/stats", &[], "").await.json["time_scale"], 1);
    assert_eq!(dev.interrupt().await, Some(0));
    let said = refused(data.path(), &["--time-scale", "60"]).await;
    assert!(said.contains("without --time-scale") && said.contains("--reset"), "{said}");
}
