//! TLS of receivers: which receivers a node trusts and which not, and which certificate it shows to each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jettimer::webhook::{Identity, Settings};
use rules::domain::called::Called;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::support::calls::{answered, call, outcome, settings};
use crate::support::raw::{Raw, head};
use crate::support::tls::{Authority, flood, receiver, self_signed};
use crate::support::{Broker, Dns, Node, PATIENCE, eventually};

const HOST: &str = "127.0.0.1";

fn trusting(authority: &Authority) -> Settings {
    Settings { ca: Some(authority.file()), ..settings() }
}

async fn call_tls(settings: &Settings, receiver: &Raw) -> Called {
    call(settings, &format!("https://{}/", receiver.address()), PATIENCE).await
}

fn body(called: &Called) -> &str {
    called.answer.as_ref().map_or("", |answer| str::from_utf8(&answer.body).unwrap())
}

#[tokio::test]
async fn a_receiver_of_a_trusted_authority_is_called_in_either_version_of_http() {
    let authority = Authority::new();
    for (protocol, version) in [("h2", "HTTP/2.0"), ("http/1.1", "HTTP/1.1")] {
        let config = authority.server(&authority.certify(HOST, |_| ()), false);
        let called = call_tls(&trusting(&authority), &receiver(config, protocol).await).await;
        assert_eq!((called.result.clone(), body(&called)), (answered(200), version));
        assert!(called.phases.connect.is_some() && called.phases.tls.is_some(), "{:?}", called.phases);
    }
}

#[tokio::test]
async fn a_receiver_by_name_is_looked_up_connected_to_and_shaken_hands_with() {
    let (authority, dns) = (Authority::new(), Dns::start().await);
    dns.set("hook.test", &[&["127.0.0.1"]]);
    let config = authority.server(&authority.certify("hook.test", |_| ()), false);
    let receiver = receiver(config, "h2").await;
    let settings = Settings { dns_servers: vec![dns.address()], ..trusting(&authority) };
    let called =
        call(&settings, &format!("https://hook.test:{}/", receiver.address().port()), PATIENCE).await;
    let phases = called.phases;
    assert_eq!(called.result, answered(200));
    let parts = [phases.resolve, phases.connect, phases.tls].map(Option::unwrap);
    assert!(parts.iter().sum::<Duration>() <= phases.first_byte.unwrap(), "{phases:?}");
}

#[tokio::test]
async fn of_a_huge_answer_in_http_2_no_more_is_let_in_than_a_window() {
    // Our window, and the bytes that the receiver's side prepares for the next one.
    const AT_MOST: usize = 262_144;
    let (authority, written) = (Authority::new(), Arc::new(AtomicUsize::new(0)));
    let config = authority.server(&authority.certify(HOST, |_| ()), false);
    let receiver = flood(config, "h2", written.clone()).await;
    let called = call_tls(&trusting(&authority), &receiver).await;
    let answer = called.answer.unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (4_096, true));
    assert!(written.load(Ordering::SeqCst) < AT_MOST, "{written:?}");
}

#[tokio::test]
async fn a_certificate_that_is_not_good_is_no_call() {
    let authority = Authority::new();
    let other = Authority::new();
    for (identity, why) in [
        (self_signed(HOST), "certificate"),
        (other.certify(HOST, |_| ()), "certificate"),
        (authority.certify("other.example", |_| ()), "for another name (other.example)"),
        (
            authority.certify(HOST, |params| {
                params.not_before = rcgen::date_time_ymd(2020, 1, 1);
                params.not_after = rcgen::date_time_ymd(2020, 2, 1);
            }),
            "expired on 2020-02-01",
        ),
    ] {
        let receiver = receiver(authority.server(&identity, false), "h2").await;
        let called = call_tls(&trusting(&authority), &receiver).await;
        let (result, reason) = outcome(&called);
        assert_eq!(result, "not_sent", "{reason}");
        assert!(reason.contains(why), "{why:?} is not said: {reason}");
    }
}

#[tokio::test]
async fn a_handshake_that_fails_is_not_a_call() {
    let silent = Raw::start(|mut stream: TcpStream| async move {
        let _ = stream.read_to_end(&mut vec![]).await;
    })
    .await;
    let plain = Raw::start(|mut stream: TcpStream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    })
    .await;
    // Short for a handshake that never comes, and long enough for one that does.
    let short = Settings { connect_timeout: Duration::from_millis(200), ..settings() };
    for (receiver, settings, why) in
        [(silent, short, "no TLS handshake within 200 ms"), (plain, settings(), "does not speak TLS")]
    {
        let called = call_tls(&settings, &receiver).await;
        let (result, reason) = outcome(&called);
        assert_eq!(result, "not_sent", "{reason}");
        assert!(reason.contains(why), "{why:?} is not said: {reason}");
        assert_eq!(called.phases.tls, None, "it did not come to its end");
    }
}

#[tokio::test]
async fn a_certificate_of_ours_is_shown_to_the_receivers_that_it_is_meant_for() {
    let authority = Authority::new();
    let config = authority.server(&authority.certify(HOST, |_| ()), true);
    let receiver = receiver(config, "http/1.1").await;
    let (cert, key) = authority.files(&authority.certify("jettimer.example", |_| ()));
    for (rule, good) in [("127.0.0.0/8", true), ("192.0.2.0/24", false)] {
        let identity = Identity { receivers: rule.parse().unwrap(), cert: cert.clone(), key: key.clone() };
        let settings = Settings { identities: vec![identity], ..trusting(&authority) };
        let called = call_tls(&settings, &receiver).await;
        assert_eq!(called.result == answered(200), good, "{rule}: {called:?}");
    }
}

#[tokio::test]
async fn through_a_proxy_tls_is_with_the_receiver() {
    let authority = Authority::new();
    let receiver = receiver(authority.server(&authority.certify(HOST, |_| ()), false), "h2").await;
    let to = receiver.address();
    let proxy = Raw::start(move |mut stream: TcpStream| async move {
        let request = head(&mut stream).await;
        assert!(request.starts_with(&format!("CONNECT {to} ")), "{request}");
        // "me:secret" in Base64.
        assert!(request.to_lowercase().contains("proxy-authorization: basic bwu6c2vjcmv0"), "{request}");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut onward = TcpStream::connect(to).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
    })
    .await;
    let url = format!("http://me:secret@{}/", proxy.address());
    let settings = Settings { proxy: Some(url.parse().unwrap()), ..trusting(&authority) };
    let called = call_tls(&settings, &receiver).await;
    assert_eq!((called.result.clone(), body(&called)), (answered(200), "HTTP/2.0"));
    assert_eq!((proxy.connections(), receiver.connections()), (1, 1));
}

#[tokio::test]
async fn a_node_trusts_and_shows_what_its_settings_say_and_logs_no_certificates() {
    let broker = Broker::start().await;
    let authority = Authority::new();
    let mutual = receiver(authority.server(&authority.certify(HOST, |_| ()), true), "h2").await;
    let nobody = receiver(authority.server(&self_signed(HOST), false), "h2").await;
    let (cert, key) = authority.files(&authority.certify("jettimer.example", |_| ()));
    let identity = format!("127.0.0.1={},{}", cert.display(), key.display());
    let ca = authority.file();
    let args = ["--target-ca", ca.to_str().unwrap(), "--target-identity", &identity];
    let node = Node::with(&broker, &args).await;
    for (receiver, state) in [(mutual, "delivered"), (nobody, "failed")] {
        let url = format!("https://{}/", receiver.address());
        let timer = json!({ "delay": "0s", "url": url, "retry": { "max_attempts": 1 } });
        let finished = node.client().until_final(&node.client().create(&timer).await).await;
        assert_eq!(finished["state"], state, "{finished}");
    }
    // By then the node's output before this line has been read, too.
    eventually("the failure is logged", async || node.logged("WARN").pop()).await;
    assert_eq!((node.logged("ERROR"), node.logged("WARN").len()), (vec![], 1));
}

#[tokio::test]
async fn a_node_shows_a_changed_certificate_without_a_restart_and_keeps_the_old_one_if_the_new_one_is_no_good()
 {
    let (broker, authority, other) = (Broker::start().await, Authority::new(), Authority::new());
    // Each call makes a new connection, since the receiver closes each one.
    let config = authority.server(&authority.certify(HOST, |_| ()), true);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mutual = Raw::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            // The node has to report an error of the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let (cert, key) = authority.files(&other.certify("jettimer.example", |_| ()));
    let identity = format!("127.0.0.1={},{}", cert.display(), key.display());
    let ca = authority.file();
    let args = ["--target-ca", ca.to_str().unwrap(), "--target-identity", &identity];
    let node = Node::with(&broker, &args).await;
    let called = async || {
        let url = format!("https://{}/", mutual.address());
        let timer = json!({ "delay": "0s", "url": url, "method": "GET", "retry": { "max_attempts": 1 } });
        let finished = node.client().until_final(&node.client().create(&timer).await).await;
        finished["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(called().await, "failed");
    authority.files(&authority.certify("jettimer.example", |_| ()));
    eventually("the new one is shown", async || (called().await == "delivered").then_some(())).await;
    std::fs::write(&key, "none").unwrap();
    let warning = eventually("the node says that the file is no good", async || {
        assert_eq!(called().await, "delivered");
        node.logged("WARN").into_iter().find(|line| line.to_string().contains("--target-identity"))
    })
    .await;
    assert!(warning.to_string().contains("private key"), "{warning}");
    assert_eq!(called().await, "delivered");
}
