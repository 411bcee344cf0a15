//! The command line against nodes: its requests, its output and its exit codes.

use serde_json::{Value, json};

use crate::support::cli::{command, finish, run, run_with};
use crate::support::{Broker, Node, Sink, eventually};

/// Replaces ids and instants, which differ from run to run.
fn settled(text: &str) -> String {
    let words = text.split_inclusive([' ', '\t', '\n']).map(|word| {
        let bare = word.trim_end();
        let shape = if bare.parse::<uuid::Uuid>().is_ok() { "<id>" } else { bare };
        format!("{shape}{}", &word[bare.len()..])
    });
    words.collect()
}

#[tokio::test]
async fn a_timer_is_created_by_a_time_and_a_url_and_watched_to_its_end() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let (client, sink) = (node.client(), Sink::start().await);

    let created = run(&client, &["create", "20m", &sink.url("/ok")]).await;
    assert_eq!((created.code, created.err.as_str()), (Some(0), ""));
    let timer = client.get(created.out.trim()).await;
    assert_eq!((&timer["state"], &timer["url"]), (&json!("scheduled"), &json!(sink.url("/ok"))));
    assert!((1_190..=1_200).contains(&timer["time_left"].as_u64().unwrap()), "{timer}");

    for (path, code, state) in [("/ok", 0, "delivered"), ("/status/404", 10, "failed")] {
        let ran = run(&client, &["create", "0s", &sink.url(path), "--watch", "-o", "json"]).await;
        assert_eq!(ran.code, Some(code), "{ran:?}");
        let last = ran.json().pop().unwrap();
        assert_eq!((&last["event"], &last["timer"]["state"]), (&json!(state), &json!(state)));
    }
    client.cancel(created.out.trim()).await;
    assert_eq!(run(&client, &["watch", created.out.trim()]).await.code, Some(12));
}

#[tokio::test]
async fn everything_that_a_creation_has_is_an_option() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--max-delay", "36500d"]).await;
    let client = node.client();
    let args = [
        "create",
        "2090-01-01T09:00:00+01:00",
        "http://localhost:9000/hook",
        "-X",
        "put",
        "-H",
        "X-A: b: c",
        "--json",
        "{\"b\": 1.0, \"a\": 2}",
        "--timeout",
        "5s",
        "--delivery",
        "at_least_once",
        "--retry-max-attempts",
        "3",
        "--retry-initial-backoff",
        "2s",
        "--retry-max-backoff",
        "1m",
        "--retry-factor",
        "3",
        "--retry-deadline",
        "1h",
        "--retry-statuses",
        "429,5xx",
        "--flow",
        "f",
        "--flow-rate",
        "10/s",
        "--flow-parallelism",
        "2",
        "--on-delivered",
        "http://localhost:9000/d",
        "--on-failed",
        "http://localhost:9000/f",
        "-m",
        "team=red",
        "--idempotency-key",
        "order 1",
    ];
    let created = run(&client, &args).await;
    assert_eq!(created.code, Some(0), "{created:?}");
    assert_eq!(run(&client, &args).await.out, created.out);
    let timer = client.get(created.out.trim()).await;
    let expected = json!({
        "due_at": "2090-01-01T08:00:00.000000Z", "url": "http://localhost:9000/hook", "method": "PUT",
        "headers": { "x-a": "b: c" }, "body": { "b": 1.0, "a": 2 }, "timeout": "5s", "delivery": "at_least_once",
        "retry": {
            "max_attempts": 3, "initial_backoff": "2s", "max_backoff": "1m", "factor": 3.0, "deadline": "1h",
            "statuses": ["429", "5xx"],
        },
        "flow": { "key": "f", "rate": "10/s", "parallelism": 2 },
        "on_delivered": "http://localhost:9000/d", "on_failed": "http://localhost:9000/f", "metadata": { "team": "red" },
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&timer[name], value, "{name}");
    }
    let shown = run(&client, &["get", created.out.trim(), "-o", "json"]).await;
    assert!(shown.out.contains(r#""body":{"b": 1.0, "a": 2}"#), "{shown:?}");

    // A second creation with the key says that the timer exists, and shows its state.
    let again = run(&client, &args).await;
    assert!(again.err.contains("no second timer was created"), "{again:?}");
    client.cancel(created.out.trim()).await;
    let over = run(&client, &args).await;
    assert_eq!((over.code, &over.out), (Some(0), &created.out), "{over:?}");
    assert!(over.err.contains("cancelled by now: nothing is scheduled"), "{over:?}");

    let text = run_with(&client, &["create", "1h", "http://localhost:9000/", "--data", "-"], "a=b").await;
    assert_eq!(client.get(text.out.trim()).await["body_text"], "a=b");
}

#[tokio::test]
async fn each_end_has_its_exit_code_and_says_what_to_do() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let id = run(&client, &["create", "1h", "http://localhost:9000/"]).await.out.trim().to_owned();
    let nobody = "0198f0f0-0000-7000-8000-00000000002a";
    for (args, code, said) in [
        (vec!["create", "soon", "http://a/"], 2, vec!["WHEN", "20m", "2027-01-01T09:00:00+01:00"]),
        (
            vec!["create", "1h", "http://localhost:9000/", "--timeout", "1ms"],
            2,
            vec!["--timeout: must be from 100ms"],
        ),
        (vec!["create", "1h", "http://localhost:9000/", "-H", "host: a"], 2, vec!["--header (host)"]),
        (vec!["create", "1h", "ftp://a"], 2, vec!["URL: must start with http"]),
        (vec!["create", "1h", "http://a/", "--json", "{"], 2, vec!["--json", "--data takes any text"]),
        (vec!["get", nobody], 3, vec!["no timer", "jettimer list"]),
        (vec!["get", "17"], 2, vec!["<ID>"]),
        (vec!["change", &id, "--when", "2h", "--if-match", "\"999\""], 4, vec!["changed", "jettimer get"]),
        (vec!["change", &id], 2, vec!["--when"]),
        (vec!["replay", &id], 4, vec!["only failed and unknown"]),
        (vec!["cancel"], 2, vec!["ids", "--host"]),
        (vec!["cancel", &id, "--host", "a"], 2, vec!["cannot be combined"]),
        (vec!["cancel", "--host", "localhost"], 2, vec!["1 timer would be cancelled", "--yes"]),
        (vec!["list", "--state", "blue"], 2, vec!["scheduled", "unknown"]),
        (vec!["list", "--due-after", "tomorrow"], 2, vec!["2027-01-01T09:00:00Z"]),
        (
            vec!["list", "--server", "http://127.0.0.1:1"],
            5,
            vec!["cannot reach http://127.0.0.1:1", "jettimer dev"],
        ),
        (vec!["list", "--server", "127.0.0.1:8000"], 2, vec!["--server", "http://HOST:PORT"]),
        (vec!["list", "--server", &client.url("/base")], 1, vec!["address of a jettimer node"]),
    ] {
        // The list shows the timer once the index has it.
        let ran = eventually("the answer", async || {
            let ran = run(&client, &args).await;
            (ran.code == Some(code)).then_some(ran)
        })
        .await;
        for word in said {
            assert!(ran.err.contains(word), "{word:?} is not said for {args:?}: {ran:?}");
        }
        assert_eq!(ran.out, "", "{args:?}");
    }
}

#[tokio::test]
async fn timers_are_changed_fired_cancelled_and_replayed_by_ids() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let (client, sink) = (node.client(), Sink::start().await);
    let create =
        async |path: &str| run(&client, &["create", "1h", &sink.url(path)]).await.out.trim().to_owned();
    let (a, b, c) = (create("/ok").await, create("/status/500/times/1").await, create("/ok").await);

    let shown = run(&client, &["get", &a, "-o", "json"]).await.json().remove(0);
    let etag = shown["etag"].as_str().unwrap();
    let changed = run(&client, &["change", &a, "--when", "2h", "--if-match", etag, "-o", "json"]).await;
    assert_eq!((changed.code, changed.json()[0]["id"].as_str()), (Some(0), Some(a.as_str())));
    assert_eq!(run(&client, &["change", &a, "--when", "3h", "--if-match", etag]).await.code, Some(4));

    assert_eq!(run(&client, &["fire", &a, &b]).await.code, Some(0));
    client.until(&a, "delivered").await;
    client.until(&b, "failed").await;
    // One of them cannot be cancelled, which does not hold up the others.
    let mixed = run_with(&client, &["cancel", &a, "-"], &format!("{c}\tscheduled\n")).await;
    assert_eq!((mixed.code, mixed.out), (Some(4), format!("{c}\tcancelled\n")));
    assert!(mixed.err.contains(&a) && mixed.err.contains("delivered"), "{}", mixed.err);

    assert_eq!(run(&client, &["replay", &b]).await.code, Some(0));
    client.until(&b, "delivered").await;
}

#[tokio::test]
async fn what_options_mean_is_listed_counted_cancelled_and_replayed() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let (client, sink) = (node.client(), Sink::start().await);
    let lines: String = (0..2_100)
        .map(|n| {
            format!(
                "{{\"minutes\":{},\"url\":\"http://localhost:9000/\",\"metadata\":{{\"n\":\"{}\"}}}}\n",
                60 + n,
                n % 2
            )
        })
        .collect();
    let import = run_with(&client, &["import", "-", "-o", "json"], &lines).await;
    assert_eq!(import.json()[0]["created"], 2_100, "{import:?}");
    let listed = async |args: &[&str]| run(&client, &[&["list"], args].concat()).await;
    eventually("all are listed", async || {
        (listed(&["--all"]).await.out.lines().count() == 2_100).then_some(())
    })
    .await;
    let first = listed(&["-n", "2", "-m", "n=1"]).await;
    let rows: Vec<Vec<&str>> = first.out.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(
        (rows.len(), rows[0][1], rows[0][5], rows[0][6]),
        (2, "scheduled", "POST http://localhost:9000/", "n=1")
    );
    let json = listed(&["-n", "1500", "-o", "json", "--sort=-due"]).await.json();
    assert_eq!((json.len(), &json[0]["metadata"]["n"]), (1_500, &json!("1")));

    assert_eq!(run(&client, &["cancel", "-m", "n=1", "--dry-run"]).await.out, "1000\n");
    // This takes more than one request.
    let cancelled = run(&client, &["cancel", "-m", "n=1", "--yes"]).await;
    assert_eq!((cancelled.code, cancelled.out.as_str()), (Some(0), "1050\n"));
    eventually("they are cancelled", async || {
        let counts = client.send(reqwest::Method::GET, "/timers/counts", &[], "").await.json;
        (counts["scheduled"] == 1_050 && counts["cancelled"] == 1_050).then_some(())
    })
    .await;

    let failing =
        run(&client, &["create", "0s", &sink.url("/status/500/times/1"), "-m", "letter=dead"]).await;
    client.until(failing.out.trim(), "failed").await;
    eventually("it is replayed", async || {
        let ran = run(&client, &["replay", "-m", "letter=dead", "--yes", "-o", "json"]).await;
        (ran.json()[0]["replayed"] == 1).then_some(())
    })
    .await;
    client.until(failing.out.trim(), "delivered").await;
}

#[tokio::test]
async fn a_reader_that_has_enough_is_no_error() {
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let lines = "{\"delay\":\"1h\",\"url\":\"http://localhost:9000/a-rather-long-path\"}\n".repeat(2_000);
    run_with(&node.client(), &["import", "-"], &lines).await;
    for args in [vec!["list", "--all"], vec!["export"]] {
        let mut child = command(&args).env("JETTIMER_SERVER", node.client().url("")).spawn().unwrap();
        drop(child.stdout.take());
        let ran = finish(child).await;
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[tokio::test]
async fn a_pipe_gets_values_between_tabs_and_a_table_is_to_be_had() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--max-delay", "36500d"]).await;
    let client = node.client();
    let at = "2090-01-01T08:00:00Z";
    // Text from a receiver or a client cannot send commands to the terminal.
    let body =
        json!({ "at": at, "url": "http://localhost:9000/hook", "metadata": { "order": "\u{1b}[31m4711" } });
    let id = client.create(&body).await;
    let list = eventually("it is listed", async || {
        let ran = run(&client, &["list"]).await;
        (!ran.out.is_empty()).then_some(ran.out)
    })
    .await;
    let distance = list.split('\t').nth(3).unwrap().to_owned();
    expect_test::expect![[r#"
        <id>	scheduled	2090-01-01 08:00:00Z	<in>	0	POST http://localhost:9000/hook	order=\u{1b}[31m4711
    "#]]
    .assert_eq(&settled(&list).replace(&distance, "<in>"));
    let table = run(&client, &["list", "-o", "table"]).await;
    assert!(table.out.starts_with("ID  "), "{table:?}");
    let created = run(&client, &["get", &id, "-o", "table"]).await;
    let shown: Vec<&str> = created.out.lines().filter(|line| !line.contains("created at")).collect();
    let shown = settled(&shown.join("\n")).replace(&distance, "<in>");
    expect_test::expect![[r#"
        id                     <id>
        state                  scheduled
        due                    2090-01-01 08:00:00Z (<in>)
        calls                  POST http://localhost:9000/hook
        attempts               0
        delivery               at_most_once
        metadata order         \u{1b}[31m4711
        retry factor           2.0
        retry initial backoff  1s
        retry max attempts     10
        retry max backoff      5m
        retry statuses         ["408","429","5xx"]
        timeout                30s
        etag                   "1""#]]
    .assert_eq(&shown);
    let values: Value = serde_json::from_str(&run(&client, &["get", &id, "-o", "json"]).await.out).unwrap();
    assert_eq!(values["metadata"]["order"], "\u{1b}[31m4711");
}
