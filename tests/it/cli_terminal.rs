//! The command line on a terminal: colours if they are wanted, tables that fit, and a question before it cancels many timers.

use reqwest::Method;
use serde_json::json;

use crate::support::cli::{command, on_terminal};
use crate::support::{Broker, Client, Node, eventually};

async fn listed(client: &Client, count: u64) {
    eventually("they are listed", async || {
        let counts = client.send(Method::GET, "/timers/counts", &[], "").await.json;
        (counts["scheduled"] == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_terminal_gets_a_table_that_fits_in_colours_unless_they_are_not_wanted() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let long = "x".repeat(300);
    client
        .create(&json!({ "delay": "1h", "url": "http://localhost:9000/", "metadata": { "long": long } }))
        .await;
    listed(&client, 1).await;
    let list = async |env: Option<(&str, &str)>| {
        let mut command = command(&["list"]);
        command.env("JETTIMER_SERVER", client.url("")).envs(env);
        let (code, shown) = on_terminal(&mut command, 150, "").await;
        assert_eq!(code, Some(0), "{shown}");
        shown
    };
    let coloured = list(None).await;
    assert!(coloured.contains("\u{1b}[") && coloured.contains("ID") && coloured.contains('…'), "{coloured}");
    for plain in [list(Some(("NO_COLOR", "1"))).await, list(Some(("TERM", "dumb"))).await] {
        assert!(!plain.contains('\u{1b}'), "{plain}");
        assert!(plain.lines().all(|line| line.trim_end().chars().count() <= 150), "{plain}");
    }
}

#[tokio::test]
async fn many_are_cancelled_only_if_the_question_is_answered_with_yes() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    for _ in 0..2 {
        client.create(&json!({ "delay": "1h", "url": "http://localhost:9000/" })).await;
    }
    listed(&client, 2).await;
    let cancel = async |typed: &str| {
        let mut command = command(&["cancel", "--host", "localhost"]);
        command.env("JETTIMER_SERVER", client.url(""));
        on_terminal(&mut command, 80, typed).await
    };
    for no in ["\n", "n\n"] {
        let (code, shown) = cancel(no).await;
        assert_eq!(code, Some(1), "{shown}");
        assert!(
            shown.contains("2 timers would be cancelled. Continue? [y/N]")
                && shown.contains("nothing was done"),
            "{shown}"
        );
    }
    let (code, shown) = cancel("y\n").await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("2 timers cancelled"), "{shown}");
}
