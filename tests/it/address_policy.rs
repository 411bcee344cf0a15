//! A forbidden target is never called: a node recognises it in the URL of a creation, or in the addresses of a name at the call.

use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use jettimer::webhook::Settings;
use rules::domain::attempt::CallResult;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::support::calls::{answered, call, caller, outcome, policy, settings, timer, unnoted};
use crate::support::raw::{Raw, head};
use crate::support::{Broker, Dns, Node, PATIENCE, Sink, spawn};

async fn answering() -> Raw {
    Raw::start(|mut stream: TcpStream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await
}

#[tokio::test]
async fn a_url_that_is_seen_to_be_forbidden_is_refused_at_its_creation_and_change() {
    let broker = Broker::start().await;
    let node = Node::with(&broker, &["--deny-targets", ".evil.example,*:9000"]).await;
    let client = node.client();
    for (url, why) in [
        ("http://127.0.0.1/", "loopback"),
        ("http://0x7f.1/", "loopback"),
        ("http://2130706433/", "loopback"),
        ("http://localhost:8080/", "loopback"),
        ("http://[::ffff:10.0.0.1]/", "private"),
        ("http://169.254.169.254/latest/meta-data/", "metadata"),
        ("http://a.evil.example/", "--deny-targets .evil.example"),
        ("http://good.example:9000/", "--deny-targets *:9000"),
        ("http://good.example:25/", "port 25"),
    ] {
        let refused = client.post(&json!({ "delay": "1h", "url": url })).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/url"]), "{url}");
        let detail = refused.json["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(why), "{url}: {detail}");
    }
    let id = client.create(&json!({ "delay": "1h", "url": "https://good.example/" })).await;
    let refused = client.patch(&id, &json!({ "url": "http://10.0.0.1/" })).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/url"]));
    assert_eq!(client.get(&id).await["url"], "https://good.example/");
}

#[tokio::test]
async fn a_forbidden_target_is_a_final_failure_in_both_modes() {
    let broker = Broker::start().await;
    let (dns, sink) = (Dns::start().await, Sink::start().await);
    dns.set("inside.test", &[&["127.0.0.1"]]);
    // The API node allows this target; the worker, which makes the calls, does not.
    let api = Node::with(&broker, &["--role", "api"]).await;
    let server = dns.address().to_string();
    let deny = ["--deny-targets", "203.0.113.7"];
    let _worker =
        Node::with(&broker, &[&["--role", "worker", "--dns-server", &server], &deny[..]].concat()).await;
    let client = api.client();
    let port = sink.url("").rsplit_once(':').unwrap().1.to_owned();
    for url in [format!("http://inside.test:{port}/ok"), sink.url("/ok")] {
        for delivery in ["at_most_once", "at_least_once"] {
            let id = client.create(&json!({ "delay": "0s", "url": url, "delivery": delivery })).await;
            let failed = client.until_final(&id).await;
            assert_eq!((&failed["state"], &failed["attempts"]), (&json!("failed"), &json!(1)), "{failed}");
            assert_eq!(failed["last_attempt"]["result"], "forbidden");
            let reason = failed["reason"].as_str().unwrap();
            assert!(reason.contains("must not be called") && reason.contains("loopback"), "{reason}");
        }
    }
    assert_eq!(sink.hits().len(), 0);
}

#[tokio::test]
async fn a_name_that_is_rebound_between_attempts_is_judged_again() {
    let broker = Broker::start().await;
    let dns = Dns::start().await;
    dns.set("rebound.test", &[&["127.0.0.1"], &["127.0.0.2"]]);
    let receiver = Raw::start(|mut stream: TcpStream| async move {
        head(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 503 Later\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
    })
    .await;
    let server = dns.address().to_string();
    let node = Node::with(&broker, &["--dns-server", &server, "--allow-targets", "127.0.0.1"]).await;
    let client = node.client();
    let url = format!("http://rebound.test:{}/", receiver.address().port());
    // The node keeps an answer for half a second, whatever its TTL.
    let retry = json!({ "max_attempts": 5, "initial_backoff": "1s" });
    let timer = json!({ "delay": "0s", "url": url, "delivery": "at_least_once", "retry": retry });
    let failed = client.until_final(&client.create(&timer).await).await;
    assert_eq!((&failed["state"], &failed["attempts"]), (&json!("failed"), &json!(2)), "{failed}");
    assert!(failed["reason"].as_str().unwrap().contains("127.0.0.2"), "{failed}");
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn of_a_name_with_several_addresses_only_the_permitted_ones_are_tried() {
    let (dns, receiver) = (Dns::start().await, answering().await);
    dns.set("mixed.test", &[&["10.0.0.1", "169.254.169.254", "127.0.0.1", "::1", "fd00::1"]]);
    dns.set("inside.test", &[&["10.0.0.1", "::1"]]);
    let settings =
        Settings { dns_servers: vec![dns.address()], policy: policy(&["127.0.0.0/8"], &[]), ..settings() };
    let port = receiver.address().port();
    let mixed = call(&settings, &format!("http://mixed.test:{port}/"), PATIENCE).await;
    assert_eq!(mixed.result, answered(200));
    let inside = call(&settings, &format!("http://inside.test:{port}/"), PATIENCE).await;
    let (result, reason) = outcome(&inside);
    assert_eq!(result, "forbidden");
    assert!(reason.starts_with("inside.test is at 10.0.0.1, which is private"), "{reason}");
}

#[tokio::test]
async fn a_rule_with_ports_opens_an_address_at_these_only() {
    let (dns, open, shut) = (Dns::start().await, answering().await, answering().await);
    dns.set("hook.test", &[&["127.0.0.1"]]);
    let rule = format!("hook.test@127.0.0.0/8:{}", open.address().port());
    let settings = Settings { dns_servers: vec![dns.address()], policy: policy(&[&rule], &[]), ..settings() };
    let called = call(&settings, &format!("http://hook.test:{}/", open.address().port()), PATIENCE).await;
    assert_eq!(called.result, answered(200));
    for host in ["hook.test", "127.0.0.1"] {
        let called = call(&settings, &format!("http://{host}:{}/", shut.address().port()), PATIENCE).await;
        assert_eq!(outcome(&called).0, "forbidden", "{host}");
    }
    assert_eq!(shut.connections(), 0);
}

#[tokio::test]
async fn a_name_that_is_not_there_or_not_answered_for_is_no_call() {
    let dns = Dns::start().await;
    dns.silence("silent.test");
    dns.set("empty.test", &[&[]]);
    dns.fail("broken.test", ResponseCode::ServFail);
    dns.fail("refused.test", ResponseCode::Refused);
    // Short for a name without an answer, and irrelevant for a name with one.
    let (short, long) = (Duration::from_millis(300), PATIENCE);
    for (host, connect_timeout, why) in [
        ("nowhere.test", long, "no such host (nowhere.test)"),
        ("empty.test", long, "the host has no address (empty.test)"),
        ("broken.test", long, "the DNS server answered SERVFAIL (broken.test)"),
        ("refused.test", long, "the DNS server answered REFUSED (refused.test)"),
        ("silent.test", short, "no answer from DNS within 300 ms"),
    ] {
        let settings = Settings { dns_servers: vec![dns.address()], connect_timeout, ..settings() };
        let called = call(&settings, &format!("http://{host}/"), PATIENCE).await;
        let (result, reason) = outcome(&called);
        assert_eq!(result, "not_sent", "{reason}");
        assert!(reason.contains(why), "{reason}");
        assert_eq!(called.phases.resolve, None);
    }
}

#[tokio::test]
async fn a_proxy_gets_only_what_is_permitted_at_every_address() {
    let (dns, proxy) = (Dns::start().await, answering().await);
    dns.set("proxy.test", &[&["127.0.0.1"]]);
    dns.set("outside.test", &[&["192.0.0.9"]]);
    dns.set("mixed.test", &[&["8.8.8.8", "10.0.0.1"]]);
    dns.set("public.test", &[&["8.8.8.8"]]);
    let url = format!("http://proxy.test:{}/", proxy.address().port());
    let settings = Settings {
        dns_servers: vec![dns.address()],
        policy: policy(&[], &[]),
        proxy: Some(url.parse().unwrap()),
        ..settings()
    };
    for (url, result) in [
        ("http://outside.test/", "forbidden"),
        ("http://mixed.test/", "forbidden"),
        ("http://10.0.0.1/", "forbidden"),
        ("http://nowhere.test/", "not_sent"),
    ] {
        assert_eq!(outcome(&call(&settings, url, PATIENCE).await).0, result, "{url}");
    }
    assert_eq!(proxy.connections(), 0);
    let called = call(&settings, "http://public.test/", PATIENCE).await;
    assert_eq!((called.result, proxy.connections()), (answered(200), 1));
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    let broker = Broker::start().await;
    let (sink, proxy) = (Sink::start().await, answering().await);
    let url = format!("http://{}", proxy.address());
    let env = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, url.as_str()));
    let node = Node::with_env(&broker, &[], &env).await;
    let id = node.client().create(&json!({ "delay": "0s", "url": sink.url("/ok") })).await;
    node.client().until(&id, "delivered").await;
    assert_eq!((sink.hits_of(&id).len(), proxy.connections()), (1, 0));
}

#[tokio::test]
async fn names_that_are_looked_up_for_long_delay_no_other() {
    let (dns, receiver) = (Dns::start().await, answering().await);
    let mut settings = settings();
    settings.dns_servers = vec![dns.address()];
    settings.connect_timeout = PATIENCE;
    let caller = caller(&settings);
    let stop = CancellationToken::new();
    // As many lookups as a node has calls at once by default, and as the system's resolver would have threads.
    let slow: Vec<_> = (0..512)
        .map(|number| {
            let name = format!("silent-{number}.test");
            dns.silence(&name);
            let (caller, stop) = (caller.clone(), stop.clone());
            spawn(async move {
                caller.call(&timer(&format!("http://{name}/"), PATIENCE), 1, &stop, &unnoted()).await
            })
        })
        .collect();
    dns.until_asked(512).await;
    dns.set("quick.test", &[&["127.0.0.1"]]);
    let url = format!("http://quick.test:{}/", receiver.address().port());
    let called = caller.call(&timer(&url, PATIENCE), 1, &stop, &unnoted()).await;
    assert_eq!(called.result, answered(200));
    assert!(slow.iter().all(|call| !call.is_finished()), "they are still looked up");
    stop.cancel();
    for call in slow {
        let called = call.await.unwrap();
        assert!(matches!(called.result, CallResult::NotSent { .. }), "{called:?}");
    }
}
