//! HTTP/1.1 connections that are used again, and those that must not be: no call is lost on a used connection, and none is
//! answered by unsolicited bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jettimer::webhook::Caller;
use rules::domain::attempt::CallResult;
use rules::domain::called::Called;
use rules::domain::target::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::support::calls::{answered, caller, settings, timer, unnoted};
use crate::support::raw::{Raw, head};
use crate::support::{PATIENCE, spawn};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Longer than the silence after which a connection is trusted.
const LONG_SILENCE: Duration = Duration::from_millis(600);

/// Longer than the rest of a connection between two calls, and shorter than the time that it is kept.
const REST: Duration = Duration::from_millis(50);

async fn get(caller: &Caller, receiver: &Raw, method: Method) -> Called {
    let mut timer = timer(&format!("http://{}/", receiver.address()), PATIENCE);
    timer.target.method = method;
    caller.call(&timer, 1, &CancellationToken::new(), &unnoted()).await
}

#[tokio::test]
async fn a_receiver_that_keeps_its_connections_is_called_on_one_again() {
    let receiver = Raw::start(|mut stream: TcpStream| async move {
        while !head(&mut stream).await.is_empty() {
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    })
    .await;
    let caller = caller(&settings());
    assert_eq!(get(&caller, &receiver, Method::Get).await.result, answered(200));
    // The test needs this time: a connection is trusted after this silence.
    tokio::time::sleep(LONG_SILENCE).await;
    assert_eq!(get(&caller, &receiver, Method::Get).await.result, answered(200));
    // From now on the caller uses a rested connection again, as long as it looks at the connection before that is closed.
    let mut before = receiver.connections();
    for _ in 0..50 {
        assert_eq!(get(&caller, &receiver, Method::Get).await.result, answered(200));
        let now = receiver.connections();
        if now == before {
            return;
        }
        before = now;
        // The test needs this time, as above.
        tokio::time::sleep(REST).await;
    }
    panic!("{before} connections for 52 calls");
}

/// A receiver that writes unsolicited bytes some time after its answer.
fn surplus(answer: &'static str, more: &'static str, pause: Duration) -> impl Future<Output = Raw> {
    Raw::start(move |mut stream: TcpStream| async move {
        while !head(&mut stream).await.is_empty() {
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
            if stream.write_all(more.as_bytes()).await.is_err() {
                return;
            }
        }
    })
}

#[tokio::test]
async fn surplus_bytes_are_the_answer_of_no_call() {
    const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";
    for (answer, more, millis, method) in [
        (NO_CONTENT, "null", 0, Method::Get),
        (NO_CONTENT, "null", 2, Method::Get),
        (NO_CONTENT, "null", 20, Method::Get),
        (NO_CONTENT, "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", 1, Method::Get),
        (OK, "more", 2, Method::Get),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", "null", 2, Method::Get),
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", "null", 2, Method::Head),
    ] {
        let receiver = surplus(answer, more, Duration::from_millis(millis)).await;
        let (caller, first) = (caller(&settings()), answer.split(' ').nth(1).unwrap());
        let calls = (0..60).map(async |_| get(&caller, &receiver, method).await.result);
        for result in futures_util::future::join_all(calls).await {
            assert_eq!(result, answered(first.parse().unwrap()), "{more:?} after {millis} ms");
        }
        for _ in 0..20 {
            let result = get(&caller, &receiver, method).await.result;
            assert_eq!(result, answered(first.parse().unwrap()), "one by one: {more:?} after {millis} ms");
        }
    }
}

#[tokio::test]
async fn an_answer_without_a_request_is_the_answer_of_no_call() {
    for status in ["408 Request Timeout", "200 OK"] {
        let read = Arc::new(AtomicUsize::new(0));
        let counted = read.clone();
        let receiver = Raw::start(move |mut stream: TcpStream| {
            let read = counted.clone();
            async move {
                if head(&mut stream).await.is_empty() {
                    return;
                }
                read.fetch_add(1, Ordering::SeqCst);
                stream.write_all(OK.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
                let unasked = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(unasked.as_bytes()).await;
                let _ = stream.shutdown().await;
                let _ = stream.read_to_end(&mut vec![]).await;
            }
        })
        .await;
        let caller = caller(&settings());
        for calls in 1..=60 {
            assert_eq!(get(&caller, &receiver, Method::Get).await.result, answered(200), "{status}");
            assert_eq!(read.load(Ordering::SeqCst), calls, "each call was read");
        }
    }
}

#[tokio::test]
async fn a_path_is_not_trusted_for_what_another_path_of_its_receiver_does() {
    let read = Arc::new(AtomicUsize::new(0));
    let counted = read.clone();
    let receiver = Raw::start(move |mut stream: TcpStream| {
        let read = counted.clone();
        async move {
            loop {
                let head = head(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                stream.write_all(OK.as_bytes()).await.unwrap();
                // The head follows the unread body of the request before.
                if head.contains("POST /odd") {
                    read.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(3)).await;
                    // The caller may have closed the connection.
                    let _ = stream.write_all(OK.as_bytes()).await;
                    let _ = stream.shutdown().await;
                    let _ = stream.read_to_end(&mut vec![]).await;
                    return;
                }
            }
        }
    })
    .await;
    let caller = caller(&settings());
    let call = async |path: &str| {
        let timer = timer(&format!("http://{}{path}", receiver.address()), PATIENCE);
        caller.call(&timer, 1, &CancellationToken::new(), &unnoted()).await.result
    };
    assert_eq!(call("/good/1").await, answered(200));
    // The test needs this time.
    tokio::time::sleep(LONG_SILENCE).await;
    let calls = (0..8).map(async |_| {
        for _ in 0..40 {
            assert_eq!(call("/good/2").await, answered(200));
            assert_eq!(call("/odd/3").await, answered(200));
        }
    });
    futures_util::future::join_all(calls).await;
    assert_eq!(read.load(Ordering::SeqCst), 320, "each call was read");
}

#[tokio::test]
async fn a_receiver_that_closes_after_its_answer_loses_no_call() {
    for millis in [0, 1, 5] {
        let receiver = Raw::start(move |mut stream: TcpStream| async move {
            head(&mut stream).await;
            stream.write_all(OK.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(millis)).await;
        })
        .await;
        let caller = caller(&settings());
        let calls: Vec<_> = (0..4)
            .map(|_| {
                let (caller, url) = (caller.clone(), format!("http://{}/", receiver.address()));
                spawn(async move {
                    let timer = timer(&url, PATIENCE);
                    for _ in 0..50 {
                        let called = caller.call(&timer, 1, &CancellationToken::new(), &unnoted()).await;
                        assert_eq!(called.result, answered(200), "{called:?}");
                    }
                })
            })
            .collect();
        for calls in calls {
            calls.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_request_is_written_once_on_a_connection_that_breaks() {
    let read = Arc::new(AtomicUsize::new(0));
    let counted = read.clone();
    let receiver = Raw::start(move |mut stream: TcpStream| {
        let read = counted.clone();
        async move {
            if !head(&mut stream).await.is_empty() {
                read.fetch_add(1, Ordering::SeqCst);
            }
            stream.set_zero_linger().unwrap();
        }
    })
    .await;
    let called = get(&caller(&settings()), &receiver, Method::Post).await;
    assert!(
        matches!(&called.result, CallResult::NoAnswer { reason } if reason == "connection reset before the answer"),
        "{called:?}"
    );
    assert_eq!((read.load(Ordering::SeqCst), receiver.connections()), (1, 1));
}
