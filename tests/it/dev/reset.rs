//! `--reset` starts without timers and says what it removed. It removes only files of jettimer that no process uses.

use std::fs;

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use super::refused;
use crate::support::{Dev, eventually};

#[tokio::test]
async fn it_begins_without_timers_and_says_what_it_removed() {
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path(), &[]).await;
    let id = dev.client().create(&json!({ "delay": "1h", "url": "http://localhost/" })).await;
    let secret = fs::read_to_string(data.path().join("signing-secret")).unwrap();
    // A reset does not remove the data of the running server.
    let said = refused(data.path(), &["--reset"]).await;
    assert!(said.contains("is in use by a running nats-server"), "{said}");
    assert_eq!(dev.client().get(&id).await["state"], "scheduled");
    assert_eq!(dev.interrupt().await, Some(0));

    let dev = Dev::start(data.path(), &["--reset"]).await;
    let said = format!("Removed from {}: nats, nats-server.conf, nats-server.log", data.path().display());
    assert!(dev.welcome().contains(&said), "{}", dev.welcome());
    assert_eq!(dev.client().send(Method::GET, &format!("/timer/{id}"), &[], "").await.status, 404);
    eventually("there is none", async || {
        let counts = dev.client().send(Method::GET, "/timers/counts", &[], "").await.json;
        (counts["total"] == 0).then_some(())
    })
    .await;
    assert_eq!(fs::read_to_string(data.path().join("signing-secret")).unwrap(), secret);
}

#[tokio::test]
async fn a_directory_of_another_program_is_not_removed() {
    let data = TempDir::new().unwrap();
    fs::create_dir(data.path().join("nats")).unwrap();
    fs::write(data.path().join("thesis.txt"), "x").unwrap();
    let said = refused(data.path(), &["--reset"]).await;
    assert!(said.contains("thesis.txt") && said.contains("nothing was removed"), "{said}");
    assert!(data.path().join("nats").exists() && data.path().join("thesis.txt").exists());
}
