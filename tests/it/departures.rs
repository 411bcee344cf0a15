//! A node notes a request's departure before it writes the first byte, and not while it makes the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jettimer::webhook::{Departure, Settings};
use rules::domain::attempt::CallResult;
use rules::domain::target::Method;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::support::calls::{TIMEOUT, answered, caller, settings, timer};
use crate::support::raw::Raw;
use crate::support::tls::Authority;
use crate::support::{Dns, PATIENCE};

const HOST: &str = "127.0.0.1";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// The note of the call in progress, which the receiver reads.
#[derive(Clone, Default)]
struct Note {
    noted: Arc<AtomicBool>,
    /// How many requests had a first byte that came before they were noted.
    late: Arc<AtomicUsize>,
}

impl Note {
    fn departure(&self) -> Departure {
        self.noted.store(false, Ordering::SeqCst);
        let noted = self.noted.clone();
        Departure::new(move || noted.store(true, Ordering::SeqCst))
    }

    fn first_byte(&self) {
        if !self.noted.load(Ordering::SeqCst) {
            self.late.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Answers each request on a connection, and checks the note at its first byte.
    async fn answer(&self, mut stream: impl AsyncRead + tokio::io::AsyncWrite + Unpin) {
        while let Ok(first) = stream.read_u8().await {
            self.first_byte();
            let mut head = vec![first];
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { return };
                head.push(byte);
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            if stream.read_exact(&mut body).await.is_err() || stream.write_all(OK).await.is_err() {
                return;
            }
        }
    }
}

/// Calls with and without a body, on new connections and on a used one.
async fn is_never_late(settings: &Settings, url: &str, note: &Note) {
    let caller = caller(settings);
    for (turn, method) in
        [Method::Get, Method::Post, Method::Post, Method::Get, Method::Delete].into_iter().enumerate()
    {
        if turn == 2 {
            // A connection is used again after this silence.
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        let mut timer = timer(url, PATIENCE);
        timer.target.method = method;
        let departure = note.departure();
        let called = caller.call(&timer, 1, &CancellationToken::new(), &departure).await;
        assert_eq!(called.result, answered(200), "{method:?}");
        assert!(departure.has_left());
    }
    assert_eq!(note.late.load(Ordering::SeqCst), 0, "first bytes that came before they were noted");
}

#[tokio::test]
async fn over_http_1_it_is_noted_before_the_first_byte() {
    let note = Note::default();
    let seen = note.clone();
    let receiver = Raw::start(move |stream: TcpStream| {
        let note = seen.clone();
        async move { note.answer(stream).await }
    })
    .await;
    is_never_late(&settings(), &format!("http://{}/", receiver.address()), &note).await;
}

#[tokio::test]
async fn over_tls_it_is_noted_before_the_first_byte_of_the_request() {
    let (authority, note) = (Authority::new(), Note::default());
    let config = Arc::new(authority.server(&authority.certify(HOST, |_| ()), false));
    let seen = note.clone();
    let receiver = Raw::start(move |stream: TcpStream| {
        let (note, acceptor) = (seen.clone(), TlsAcceptor::from(config.clone()));
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            note.answer(stream).await;
        }
    })
    .await;
    let settings = Settings { ca: Some(authority.file()), ..settings() };
    is_never_late(&settings, &format!("https://{}/", receiver.address()), &note).await;
}

#[tokio::test]
async fn over_http_2_it_is_noted_before_the_stream_begins() {
    /// The type of the frame that begins a request, and the length of the greeting before the first frame: 24 bytes.
    const HEADERS: u8 = 1;
    const GREETING: usize = 24;
    let (authority, note) = (Authority::new(), Note::default());
    let mut config = authority.server(&authority.certify(HOST, |_| ()), false);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);
    let (seen, requests) = (note.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = requests.clone();
    let receiver = Raw::start(move |stream: TcpStream| {
        let (note, requests) = (seen.clone(), counted.clone());
        let acceptor = TlsAcceptor::from(config.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            // The receiver's settings, empty.
            if stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.is_err() {
                return;
            }
            if stream.read_exact(&mut [0; GREETING]).await.is_err() {
                return;
            }
            let mut head = [0; 9];
            while stream.read_exact(&mut head).await.is_ok() {
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                if head[3] == HEADERS {
                    note.first_byte();
                    requests.fetch_add(1, Ordering::SeqCst);
                    // `:status 200` from the static table, and the end of the stream.
                    let mut answer = vec![0, 0, 1, HEADERS, 5];
                    answer.extend_from_slice(&head[5..9]);
                    answer.push(0x88);
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
                if stream.read_exact(&mut vec![0; length]).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let settings = Settings { ca: Some(authority.file()), ..settings() };
    is_never_late(&settings, &format!("https://{}/", receiver.address()), &note).await;
    assert_eq!(requests.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn it_is_not_noted_while_the_connection_is_being_made() {
    let (authority, dns) = (Authority::new(), Dns::start().await);
    dns.silence("silent.test");
    // Accepts connections, and never starts TLS.
    let mute = Raw::start(|mut stream: TcpStream| async move {
        let _ = stream.read_to_end(&mut vec![]).await;
    })
    .await;
    let settings = Settings { ca: Some(authority.file()), dns_servers: vec![dns.address()], ..settings() };
    for url in [
        format!("https://{}/", mute.address()),
        "http://silent.test/".to_owned(),
        // Closes each connection at once.
        format!("https://{}/", Raw::start(|_: TcpStream| async {}).await.address()),
    ] {
        let note = Note::default();
        let departure = note.departure();
        let called =
            caller(&settings).call(&timer(&url, TIMEOUT), 1, &CancellationToken::new(), &departure).await;
        assert!(matches!(called.result, CallResult::NotSent { .. }), "{url}: {called:?}");
        assert!(!note.noted.load(Ordering::SeqCst), "{url}");
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_before_its_request_was_written_is_not_sent() {
    let connected = Arc::new(tokio::sync::Notify::new());
    let tell = connected.clone();
    let mute = Raw::start(move |mut stream: TcpStream| {
        let tell = tell.clone();
        async move {
            tell.notify_one();
            let _ = stream.read_to_end(&mut vec![]).await;
        }
    })
    .await;
    let (note, abort) = (Note::default(), CancellationToken::new());
    let (departure, timer) = (note.departure(), timer(&format!("https://{}/", mute.address()), PATIENCE));
    let (caller, give_up) = (caller(&settings()), async {
        connected.notified().await;
        abort.cancel();
    });
    let (called, ()) = tokio::join!(caller.call(&timer, 1, &abort, &departure), give_up);
    assert!(matches!(called.result, CallResult::NotSent { .. }), "{called:?}");
    assert!(!departure.has_left());
}
