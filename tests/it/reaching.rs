//! The way to a receiver: names and addresses, client certificates, and proxies that refuse. A
//! request that provably left no byte is not sent.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use jettimer::webhook::Settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::support::calls::{TIMEOUT, answered, call, caller, outcome, settings, timer, unnoted};
use crate::support::raw::{Raw, head, write_and_close, write_and_hang};
use crate::support::tls::Authority;
use crate::support::{Dns, PATIENCE};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn a_name_with_underscores_is_looked_up_and_called() {
    let (dns, receiver) = (Dns::start().await, Raw::start(write_and_close(OK)).await);
    let settings = Settings { dns_servers: vec![dns.address()], ..settings() };
    for name in ["my_app", "a.my_bucket.test", "_lead.test", "tail_.test"] {
        dns.set(name, &[&["127.0.0.1"]]);
        let url = format!("http://{name}:{}/", receiver.address().port());
        assert_eq!(call(&settings, &url, PATIENCE).await.result, answered(200), "{name}");
    }
    let authority = Authority::new();
    let config = authority.server(&authority.certify("a.my_bucket.test", |_| ()), false);
    let secure = crate::support::tls::receiver(config, "http/1.1").await;
    let settings = Settings { ca: Some(authority.file()), ..settings };
    let url = format!("https://a.my_bucket.test:{}/", secure.address().port());
    assert_eq!(call(&settings, &url, PATIENCE).await.result, answered(200));
}

/// The URL standard allows more characters in a host than RFC 1123 allows in host names.
#[tokio::test]
async fn every_name_that_a_url_may_have_is_asked_for() {
    let (dns, receiver) = (Dns::start().await, Raw::start(write_and_close(OK)).await);
    let settings = Settings { dns_servers: vec![dns.address()], ..settings() };
    let hyphens = ["-x.test", "x-.test", "a--b.test", "-.test"].map(str::to_owned);
    let others = "!$&'()*+,;=_~".chars().flat_map(|c| [format!("a{c}b.test"), format!("{c}.test")]);
    let long = ["x".repeat(63), ["y"; 127].join(".")];
    for name in hyphens.into_iter().chain(others).chain(long) {
        dns.set(&name, &[&["127.0.0.1"]]);
        let url = format!("http://{name}:{}/", receiver.address().port());
        assert_eq!(call(&settings, &url, PATIENCE).await.result, answered(200), "{name}");
    }
    for name in ["x".repeat(64), "a..test".to_owned()] {
        let called = call(&settings, &format!("http://{name}/"), PATIENCE).await;
        let (result, reason) = outcome(&called);
        assert!(result == "not_sent" && reason.contains("the name of the host has"), "{called:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_looked_up_before_its_call_fails_as_its_call_does() {
    let dns = Dns::start().await;
    dns.set("known.test", &[&["127.0.0.1"]]);
    dns.silence("silent.test");
    dns.fail("broken.test", ResponseCode::ServFail);
    let caller = caller(&Settings { dns_servers: vec![dns.address()], ..settings() });
    for name in ["silent.test", "broken.test"] {
        let timer = timer(&format!("http://{name}/"), TIMEOUT);
        assert!(caller.begins_with_lookup(&timer.target.url));
        let unfound = caller.look_up(&timer.target.url, TIMEOUT).await.expect_err(name);
        let called = caller.call(&timer, 1, &CancellationToken::new(), &unnoted()).await;
        assert_eq!(unfound.called().result, called.result, "{name}");
    }
    let known = timer("http://known.test/", TIMEOUT);
    assert!(caller.look_up(&known.target.url, TIMEOUT).await.is_ok());
    let address = timer("http://127.0.0.1/", TIMEOUT);
    assert!(!caller.begins_with_lookup(&address.target.url));
}

/// A listener whose queue is full, so that it drops every SYN, and the connections that fill the queue.
async fn silent(port: u16) -> (tokio::net::TcpListener, Vec<TcpStream>) {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), port);
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(0).unwrap();
    let mut fill = vec![];
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address)).await
    {
        fill.push(stream);
    }
    (listener, fill)
}

#[tokio::test]
async fn an_address_that_swallows_every_packet_does_not_hide_the_next_one() {
    let (dns, receiver) = (Dns::start().await, Raw::start(write_and_close(OK)).await);
    let port = receiver.address().port();
    let _silent = silent(port).await;
    dns.set("first.test", &[&["127.0.0.2", "127.0.0.1"]]);
    dns.set("third.test", &[&["127.0.0.2", "127.0.0.2", "127.0.0.1"]]);
    let settings = Settings { dns_servers: vec![dns.address()], ..settings() };
    for name in ["first.test", "third.test"] {
        let called = call(&settings, &format!("http://{name}:{port}/"), PATIENCE).await;
        assert_eq!(called.result, answered(200), "{name}");
    }
}

#[tokio::test]
async fn an_address_that_accepts_and_comes_to_no_tls_does_not_hide_the_next_one_and_is_tried_last() {
    let (authority, other, dns) = (Authority::new(), Authority::new(), Dns::start().await);
    let config = |of: &Authority| of.server(&of.certify("two.test", |_| ()), false);
    dns.set("two.test", &[&["127.0.0.2", "127.0.0.1"]]);
    let untrusted = TlsAcceptor::from(Arc::new(config(&other)));
    for (turn, what) in ["silent", "closes", "plain", "untrusted"].into_iter().enumerate() {
        let good = crate::support::tls::receiver(config(&authority), "http/1.1").await;
        let port = good.address().port();
        let untrusted = untrusted.clone();
        let bad = Raw::at(SocketAddr::from(([127, 0, 0, 2], port)), move |mut stream| {
            let untrusted = untrusted.clone();
            async move {
                // The caller may close the connection at any time.
                match turn {
                    0 => drop(stream.read_to_end(&mut vec![]).await),
                    1 => {}
                    2 => drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await),
                    _ => drop(untrusted.accept(stream).await),
                }
            }
        })
        .await;
        let settings =
            Settings { ca: Some(authority.file()), dns_servers: vec![dns.address()], ..settings() };
        let caller = caller(&settings);
        for _ in 0..3 {
            let timer = timer(&format!("https://two.test:{port}/"), PATIENCE);
            let called = caller.call(&timer, 1, &CancellationToken::new(), &unnoted()).await;
            assert_eq!(called.result, answered(200), "{what}");
        }
        assert_eq!((bad.connections(), good.connections()), (1, 3), "{what}");
    }
}

#[tokio::test]
async fn dns_servers_that_are_silent_or_fail_or_do_not_know_a_name_hide_none_that_knows_it() {
    let mut servers = vec![];
    for _ in 0..5 {
        servers.push(Dns::start().await);
    }
    // The second server answers that the name does not exist.
    let [silent, _, failing, silent_too, knowing] = &servers[..] else { panic!() };
    let receiver = Raw::start(write_and_close(OK)).await;
    // Long enough to ask all of these servers, but not to wait for a silent one.
    let settings = Settings {
        dns_servers: servers.iter().map(Dns::address).collect(),
        connect_timeout: Duration::from_secs(4),
        ..settings()
    };
    for name in ["a.test", "b.test"] {
        silent.silence(name);
        silent_too.silence(name);
        failing.fail(name, ResponseCode::ServFail);
        knowing.set(name, &[&["127.0.0.1"]]);
        let url = format!("http://{name}:{}/", receiver.address().port());
        assert_eq!(call(&settings, &url, PATIENCE).await.result, answered(200), "{name}");
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_answer_is_named() {
    let proxy = Raw::start(write_and_hang("")).await;
    let url = format!("http://{}/", proxy.address());
    let settings = Settings {
        proxy: Some(url.parse().unwrap()),
        connect_timeout: Duration::from_millis(200),
        ..settings()
    };
    let called = call(&settings, "https://127.0.0.1/", PATIENCE).await;
    assert_eq!(outcome(&called), ("not_sent", "no tunnel through the proxy within 200 ms"));
}

#[tokio::test]
async fn a_receiver_that_wants_another_client_certificate_has_no_request() {
    let authority = Authority::new();
    for protocol in ["http/1.1", "h2"] {
        let mut config = authority.server(&authority.certify("127.0.0.1", |_| ()), true);
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let receiver = Raw::start(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                // If the client's bytes stayed unread, a reset would lose the alert.
                if let Err((_, mut stream)) = acceptor.accept(stream).into_fallible().await {
                    let _ = stream.shutdown().await;
                    let _ = stream.read_to_end(&mut vec![]).await;
                }
            }
        })
        .await;
        let settings = Settings { ca: Some(authority.file()), ..settings() };
        let called = call(&settings, &format!("https://{}/", receiver.address()), PATIENCE).await;
        let refused = ("not_sent", "TLS: the receiver refused the handshake (CertificateRequired)");
        assert_eq!(outcome(&called), refused, "{protocol}");
        assert_eq!(receiver.connections(), 1, "{protocol}");
    }
}

#[tokio::test]
async fn an_interim_answer_of_a_proxy_is_passed_over() {
    let authority = Authority::new();
    let config = authority.server(&authority.certify("127.0.0.1", |_| ()), false);
    let receiver = crate::support::tls::receiver(config, "http/1.1").await;
    let to = receiver.address();
    let proxy = Raw::start(move |mut stream: TcpStream| async move {
        head(&mut stream).await;
        const ANSWER: &str =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx: y\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        stream.write_all(ANSWER.as_bytes()).await.unwrap();
        let mut onward = TcpStream::connect(to).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
    })
    .await;
    let url = format!("http://{}/", proxy.address());
    let settings = Settings { proxy: Some(url.parse().unwrap()), ca: Some(authority.file()), ..settings() };
    assert_eq!(call(&settings, &format!("https://{to}/"), PATIENCE).await.result, answered(200));
}

/// A proxy that gives this answer to every request.
async fn proxy(answer: &'static str) -> (Raw, Settings) {
    let proxy = Raw::start(move |mut stream: TcpStream| async move {
        head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut vec![]).await;
    })
    .await;
    let url = format!("http://{}/", proxy.address());
    let settings = Settings { proxy: Some(url.parse().unwrap()), ..settings() };
    (proxy, settings)
}

#[tokio::test]
async fn what_a_proxy_says_of_itself_is_not_the_receivers_answer() {
    const REFUSED: &str = "HTTP/1.1 502 Bad Gateway\r\nproxy-status: p.test; error=connection_refused\r\ncontent-length: 0\r\n\r\n";
    const ENDED: &str = "HTTP/1.1 502 Bad Gateway\r\nproxy-status: p.test; error=connection_terminated\r\ncontent-length: 0\r\n\r\n";
    const QUOTED: &str = "HTTP/1.1 502 Bad Gateway\r\nproxy-status: p.test; details=\"x; error=dns_error\"\r\ncontent-length: 0\r\n\r\n";
    const COMMA: &str = "HTTP/1.1 502 Bad Gateway\r\nproxy-status: p.test; error=dns_error; details=\"a, b\"\r\ncontent-length: 0\r\n\r\n";
    const SILENT: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    const WHO: &str = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    for (answer, plain, secure) in [
        (
            REFUSED,
            ("not_sent", "the proxy answered 502: connection_refused"),
            "the proxy answered 502: connection_refused",
        ),
        // The receiver may have got a part of the request.
        (ENDED, ("answered", ""), "the proxy answered 502: connection_terminated"),
        (QUOTED, ("answered", ""), "the proxy answered 502"),
        (COMMA, ("not_sent", "the proxy answered 502: dns_error"), "the proxy answered 502: dns_error"),
        (SILENT, ("answered", ""), "the proxy answered 503"),
        (WHO, ("not_sent", "the proxy answered 407: it wants other credentials"), "the proxy answered 407"),
    ] {
        let (proxy, settings) = proxy(answer).await;
        let called = call(&settings, "http://127.0.0.1:8999/", PATIENCE).await;
        assert_eq!(outcome(&called), plain);
        let called = call(&settings, "https://127.0.0.1:8999/", PATIENCE).await;
        assert_eq!(outcome(&called), ("not_sent", secure));
        assert_eq!(proxy.connections(), 2);
    }
    // A success is the receiver's answer, and a delivered timer is not called again.
    const DONE: &str =
        "HTTP/1.1 200 OK\r\nproxy-status: p.test; error=connection_refused\r\ncontent-length: 0\r\n\r\n";
    let (_proxy, settings) = proxy(DONE).await;
    assert_eq!(call(&settings, "http://127.0.0.1:8999/", PATIENCE).await.result, answered(200));
}
