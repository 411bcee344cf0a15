//! `jettimer import` and `export`: each line makes one timer, however often it is sent, and an export has exactly the pending timers.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::cli::{Ran, command, finish, run};
use crate::support::{Broker, Client, Node, Sink, eventually, spawn, token};

async fn counts(client: &Client) -> Value {
    eventually("the index is filled", async || {
        let reply = client.send(reqwest::Method::GET, "/timers/counts", &[], "").await;
        (reply.status == 200).then_some(reply.json)
    })
    .await
}

async fn until_counted(client: &Client, state: &str, count: u64) {
    eventually(&format!("{count} timers are {state}"), async || {
        (counts(client).await[state] == count).then_some(())
    })
    .await;
}

async fn import(client: &Client, file: &Path, more: &[&str]) -> Ran {
    run(client, &[&["import", file.to_str().unwrap(), "-o", "json"], more].concat()).await
}

/// The totals in the last line of an import.
fn totals(ran: &Ran) -> (u64, u64, u64) {
    let last = ran.json().pop().unwrap_or_else(|| panic!("{ran:?}"));
    let number = |name: &str| last[name].as_u64().unwrap();
    (number("created"), number("existing"), number("refused"))
}

#[tokio::test]
async fn an_import_that_is_killed_in_the_middle_and_run_again_makes_each_timer_once() {
    const COUNT: u64 = 5_000;
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let home = tempfile::TempDir::new().unwrap();
    let file = home.path().join("timers");
    // Every second line equals the line before it; the two are separate timers.
    let lines: String = (0..COUNT)
        .map(|n| format!("{{\"delay\":\"1h\",\"url\":\"http://localhost:9000/{}\"}}\n", n / 2))
        .collect();
    std::fs::write(&file, &lines).unwrap();
    let mut killed_midway = false;
    for _ in 0..20 {
        let before = counts(&client).await["total"].as_u64().unwrap();
        let args = ["import", file.to_str().unwrap(), "--batch", "50", "--parallel", "2"];
        let mut child = command(&args).env("JETTIMER_SERVER", client.url("")).spawn().unwrap();
        eventually("some are created", async || {
            let ended = child.try_wait().unwrap().is_some();
            (ended || counts(&client).await["total"].as_u64().unwrap() >= before + 100).then_some(())
        })
        .await;
        let ended = child.try_wait().unwrap().is_some();
        child.kill().await.unwrap();
        killed_midway |= !ended;
        if ended || killed_midway {
            break;
        }
    }
    assert!(killed_midway, "it was too quick to be killed");
    let rest = import(&client, &file, &[]).await;
    let (created, existing, refused) = totals(&rest);
    assert!(existing >= 100 && created > 0 && created + existing == COUNT && refused == 0, "{rest:?}");
    until_counted(&client, "scheduled", COUNT).await;

    // Another line at the start makes other batches, and the timers stay the same.
    std::fs::write(
        &file,
        format!("{}{lines}", r#"{"delay":"2h","url":"http://localhost:9000/"}"#.to_owned() + "\n"),
    )
    .unwrap();
    assert_eq!(totals(&import(&client, &file, &["--batch", "333"]).await), (1, COUNT, 0));
    assert_eq!(totals(&import(&client, &file, &["--run", "again", "--dry-run"]).await), (0, 0, 0));
    until_counted(&client, "scheduled", COUNT + 1).await;
}

#[tokio::test]
async fn bad_lines_are_named_and_hold_up_no_others_and_an_outage_is_waited_for() {
    let mut broker = Broker::start().await;
    let node = Node::with(&broker, &["--request-timeout", "1s"]).await;
    let client = node.client();
    let home = tempfile::TempDir::new().unwrap();
    let file = home.path().join("timers");
    let good = r#"{"delay":"1h","url":"http://localhost:9000/"}"#;
    let lines = format!(
        "{good}\n\nnonsense\n{{\"delay\":\"1h\"}}\n{}\n{}\n{good}\n",
        r#"{"delay":"1h","url":"ftp://a"}"#,
        r#"{"at":"2020-01-01T00:00:00Z","url":"http://localhost:9000/x"}"#,
    );
    std::fs::write(&file, lines).unwrap();
    broker.pause();
    let child = command(&["import", file.to_str().unwrap(), "-o", "json"])
        .env("JETTIMER_SERVER", client.url(""))
        .spawn();
    eventually("the node notices", async || {
        let ready = client.send(reqwest::Method::GET, "/readyz", &[], "").await;
        (ready.status == 503).then_some(())
    })
    .await;
    broker.resume();
    let ran = finish(child.unwrap()).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let said = ran.json();
    let bad: Vec<u64> = said.iter().filter_map(|line| line["line"].as_u64()).collect();
    assert_eq!((bad, totals(&ran)), (vec![3, 4, 5, 6], (2, 0, 4)), "{ran:?}");
    assert!(said[2]["error"].as_str().unwrap().starts_with("url: must start with"), "{ran:?}");
    assert!(said[3]["error"].as_str().unwrap().contains("past"), "{ran:?}");

    // With `--overdue fire` the import makes overdue timers too, and each of them once.
    let overdue = import(&client, &file, &["--overdue", "fire"]).await;
    assert_eq!(totals(&overdue), (1, 2, 3));
    assert_eq!(totals(&import(&client, &file, &["--overdue", "fire"]).await), (0, 3, 3));
    let away = run(
        &client,
        &["import", file.to_str().unwrap(), "--retry-for", "1s", "--server", "http://127.0.0.1:1"],
    )
    .await;
    assert_eq!(away.code, Some(5), "{away:?}");
    broker.kill().await;
}

#[tokio::test]
async fn an_import_and_a_cancel_are_done_within_a_rate_that_counts_each_timer() {
    let broker = Broker::start().await;
    let (secret, line) = token("slow", &["--scopes", "admin", "--rate", "10/s"]).await;
    let node = Node::with(&broker, &["--tokens", &line]).await;
    let client = node.client();
    let lines: String = (0..40)
        .map(|n| {
            format!(
                "{}\n",
                json!({ "delay": "1h", "url": "http://localhost/", "metadata": { "n": n.to_string() } })
            )
        })
        .collect();
    let home = tempfile::TempDir::new().unwrap();
    let file = home.path().join("timers");
    std::fs::write(&file, lines).unwrap();
    let ask = async |args: &[&str]| {
        let mut command = command(args);
        command.env("JETTIMER_SERVER", client.url("")).env("JETTIMER_TOKEN", &secret);
        finish(command.spawn().unwrap()).await
    };
    let ran = ask(&["import", file.to_str().unwrap(), "-o", "json"]).await;
    assert_eq!((ran.code, totals(&ran)), (Some(0), (40, 0, 0)), "{ran:?}");
    let ran = ask(&["cancel", "--host", "localhost", "--yes", "-o", "json"]).await;
    assert_eq!((ran.code, &ran.json()[0]["cancelled"]), (Some(0), &json!(40)), "{ran:?}");
}

/// All pending timers, without the fields that each node sets by itself.
async fn pending(client: &Client) -> BTreeSet<String> {
    let ids = run(client, &["list", "--all"]).await.out;
    let mut timers = BTreeSet::new();
    for id in ids.lines().filter_map(|line| line.split('\t').next()) {
        let mut timer = client.get(id).await;
        for own in ["id", "created_at", "time_left"] {
            timer.as_object_mut().unwrap().remove(own);
        }
        timers.insert(timer.to_string());
    }
    timers
}

#[tokio::test]
async fn what_is_exported_and_imported_elsewhere_is_what_was_pending() {
    let brokers = [Broker::start().await, Broker::start().await];
    let nodes = [Node::start(&brokers[0]).await, Node::start(&brokers[1]).await];
    let [from, to] = nodes.each_ref().map(Node::client);
    let sink = Sink::start().await;
    for more in [
        json!({}),
        json!({ "method": "GET", "headers": { "x-a": "b, c", "authorization": "Bearer x" } }),
        // A value that looks like the digest of a hidden value.
        json!({ "headers": { "x-image": format!("sha256:{}", "ab".repeat(32)) } }),
        json!({ "body": { "b": [1.50, "\n"] }, "metadata": { "team": "red", "a/b": "" } }),
        json!({ "body_text": "a\nb\u{0}" }),
        json!({ "body_base64": "/wA=", "flow": { "key": "k", "rate": "10/s", "parallelism": 3 }, "timeout": "5s" }),
        json!({
            "delivery": "at_least_once", "callback": "http://localhost:9000/told",
            "retry": { "max_attempts": 3, "deadline": "1h", "statuses": [404, "5xx"], "factor": 1.5 },
        }),
    ] {
        let mut timer = json!({ "delay": "1h", "url": "http://localhost:9000/hook?a=b#c" });
        timer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        from.create(&timer).await;
    }
    // A body with several lines becomes one line of an export.
    let pretty = "{\"delay\": \"1h\", \"url\": \"http://localhost:9000/\", \"body\": {\n  \"a\": 1.0\n}}";
    from.send(reqwest::Method::POST, "/timer", &[], pretty).await;
    until_counted(&from, "scheduled", 8).await;
    let home = tempfile::TempDir::new().unwrap();
    let file = home.path().join("timers");
    let name = file.to_str().unwrap();
    let exported = run(&from, &["export", name]).await;
    assert_eq!((exported.code, exported.out.as_str()), (Some(0), ""), "{exported:?}");
    // A timer that has ended meanwhile is not pending.
    from.create(&json!({ "seconds": 0, "url": sink.url("/ok") })).await;
    assert_eq!(run(&from, &["export", name]).await.code, Some(2));

    assert_eq!(totals(&import(&to, &file, &[]).await), (8, 0, 0));
    until_counted(&to, "scheduled", 8).await;
    until_counted(&from, "delivered", 1).await;
    let expected: BTreeSet<String> =
        pending(&from).await.into_iter().filter(|timer| timer.contains("\"scheduled\"")).collect();
    assert_eq!(pending(&to).await, expected);
    // A second import makes no timer twice, and an export of the imported timers gives the same lines.
    assert_eq!(totals(&import(&to, &file, &[]).await), (0, 8, 0));
    let piped = run(&to, &["export"]).await;
    assert_eq!(
        piped.out.lines().collect::<BTreeSet<_>>(),
        std::fs::read_to_string(&file).unwrap().lines().collect::<BTreeSet<_>>()
    );
}

#[tokio::test]
async fn an_import_keeps_each_timers_owner_or_says_what_it_takes() {
    let brokers = [Broker::start().await, Broker::start().await];
    let (billing, of_billing) = token("billing", &["--scopes", "read,write,read-body"]).await;
    let (admin, of_admin) = token("boss", &["--scopes", "admin,read-body"]).await;
    let tokens = format!("{of_billing};{of_admin}");
    let nodes = [
        Node::with(&brokers[0], &["--tokens", &tokens]).await,
        Node::with(&brokers[1], &["--tokens", &tokens]).await,
    ];
    let [from, to] = nodes.each_ref().map(Node::client);
    let bearer = |token: &str| format!("Bearer {token}");
    let timer = r#"{"delay": "1h", "url": "http://localhost:9000/"}"#;
    for token in [&billing, &admin] {
        from.send(reqwest::Method::POST, "/timer", &[("authorization", &bearer(token))], timer).await;
    }
    let run_as = async |client: &Client, token: &str, args: &[&str], input: &str| {
        let mut command = command(args);
        command.env("JETTIMER_SERVER", client.url("")).env("JETTIMER_TOKEN", token).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        finish(child).await
    };
    let exported = eventually("both are listed", async || {
        let exported = run_as(&from, &admin, &["export", "-"], "").await;
        (exported.out.lines().count() == 2).then_some(exported.out)
    })
    .await;
    let owners = async || {
        let listed = run_as(&to, &admin, &["export"], "").await;
        let owner = |line: &str| {
            serde_json::from_str::<Value>(line).unwrap()["created_by"].as_str().unwrap().to_owned()
        };
        let mut owners: Vec<String> = listed.out.lines().map(owner).collect();
        owners.sort();
        owners
    };
    // A token that may not make a timer in another name is told what to do.
    let refused = run_as(&to, &billing, &["import", "-"], &exported).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("created_by: is not billing") && refused.err.contains("scope admin"));
    eventually("its own is there", async || (owners().await == ["billing"]).then_some(())).await;
    let all = run_as(&to, &admin, &["import", "-"], &exported).await;
    assert_eq!(all.code, Some(0), "{all:?}");
    eventually("owners stay", async || (owners().await == ["billing", "boss"]).then_some(())).await;
    assert!(all.err.contains("1 created, 1 already there"), "{all:?}");
    let own = run_as(&to, &billing, &["import", "-", "--own", "--run", "own"], &exported).await;
    assert_eq!(own.code, Some(0), "{own:?}");
    assert!(own.err.contains("2 timers had another owner"), "{own:?}");
    eventually("they are its own", async || {
        (owners().await == ["billing", "billing", "billing", "boss"]).then_some(())
    })
    .await;
}

/// A proxy that accepts requests with at most `most` bytes of a body, and closes each connection after one.
async fn proxy(to: &Client, most: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let node = to.url("").trim_start_matches("http://").to_owned();
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let node = node.clone();
            spawn(async move { hand_on(stream, &node, most).await });
        }
    });
    format!("http://{address}")
}

async fn hand_on(mut stream: TcpStream, node: &str, most: usize) -> std::io::Result<()> {
    let mut request = vec![];
    let (head, length) = loop {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            break (head.len() + 4, length.unwrap_or_default());
        }
    };
    if length > most {
        return stream
            .write_all(b"HTTP/1.1 413 Too large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .await;
    }
    while request.len() < head + length {
        stream.read_buf(&mut request).await?;
    }
    request.splice(head - 2..head - 2, *b"connection: close\r\n");
    let mut there = TcpStream::connect(node).await?;
    there.write_all(&request).await?;
    tokio::io::copy(&mut there, &mut stream).await.map(|_| ())
}

#[tokio::test]
async fn an_import_gets_through_a_proxy_with_a_limit_of_its_own_and_doubles_nothing() {
    const COUNT: u64 = 600;
    let broker = Broker::start().await;
    let node = Node::start(&broker).await;
    let client = node.client();
    let home = tempfile::TempDir::new().unwrap();
    let file = home.path().join("timers");
    let body = "x".repeat(4_000);
    let line =
        |n| format!("{{\"delay\":\"1h\",\"url\":\"http://localhost:9000/{n}\",\"body_text\":\"{body}\"}}\n");
    let lines: String = (0..COUNT).map(line).collect();
    // Some editors begin a file with this character.
    std::fs::write(&file, format!("\u{feff}{lines}")).unwrap();
    // A common limit of proxies, and a far lower one.
    for (most, created, existing) in [(1_000_000, COUNT, 0), (20_000, 0, COUNT)] {
        let server = proxy(&client, most).await;
        let ran = import(&client, &file, &["--server", &server]).await;
        assert_eq!((ran.code, totals(&ran)), (Some(0), (created, existing, 0)), "{most}: {ran:?}");
    }
    // The command names a proxy that accepts not even one line, and says how much is too much.
    let server = proxy(&client, 1_000).await;
    let ran = import(&client, &file, &["--server", &server, "--run", "again"]).await;
    assert_eq!((ran.code, totals(&ran)), (Some(1), (0, 0, COUNT)), "{ran:?}");
    assert!(ran.json()[0]["error"].as_str().unwrap().contains("refuses 41"), "{ran:?}");
    until_counted(&client, "scheduled", COUNT).await;
}

#[tokio::test]
async fn an_export_that_was_killed_goes_on_and_one_that_may_not_see_is_refused() {
    const COUNT: u64 = 3_000;
    let broker = Broker::start().await;
    let (writer, write) = token("writer", &["--scopes", "admin"]).await;
    let (reader, read) = token("reader", &["--scopes", "read"]).await;
    let node = Node::with(&broker, &["--tokens", &format!("{write};{read}")]).await;
    let home = tempfile::TempDir::new().unwrap();
    let (file, out) = (home.path().join("in"), home.path().join("out"));
    let lines: String = (0..COUNT)
        .map(|n| format!("{{\"delay\":\"{}m\",\"url\":\"http://localhost:9000/\",\"body\":{n}}}\n", 60 + n))
        .collect();
    std::fs::write(&file, lines).unwrap();
    let start = |token: &str, args: &[&str]| {
        command(args)
            .env("JETTIMER_SERVER", node.client().url(""))
            .env("JETTIMER_TOKEN", token)
            .spawn()
            .unwrap()
    };
    let imported = finish(start(&writer, &["import", file.to_str().unwrap()])).await;
    assert_eq!(imported.code, Some(0), "{imported:?}");
    eventually("they are listed", async || {
        let listed = finish(start(&writer, &["list", "--all"])).await;
        (listed.out.lines().count() as u64 == COUNT).then_some(())
    })
    .await;
    let hidden = finish(start(&reader, &["export"])).await;
    assert_eq!(hidden.code, Some(6), "{hidden:?}");
    assert!(hidden.err.contains("read-body"), "{hidden:?}");

    let name = out.to_str().unwrap();
    eventually("an export is killed in the middle", async || {
        let mut child = start(&writer, &["export", name]);
        eventually("some are written", async || {
            std::fs::read(&out).ok().filter(|bytes| !bytes.is_empty()).map(|_| ())
        })
        .await;
        child.kill().await.unwrap();
        let is_midway = out.with_extension("progress").exists();
        if !is_midway {
            std::fs::remove_file(&out).unwrap();
        }
        is_midway.then_some(())
    })
    .await;
    let rest = finish(start(&writer, &["export", name, "--resume"])).await;
    assert_eq!(rest.code, Some(0), "{rest:?}");
    let bodies: Vec<u64> = std::fs::read_to_string(&out)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["body"].as_u64().unwrap())
        .collect();
    assert_eq!(bodies.len() as u64, COUNT);
    assert_eq!(bodies.into_iter().collect::<BTreeSet<_>>(), (0..COUNT).collect());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2);
}
