//! What bad receivers can do to a call: each ends in the right outcome, in bounded time and memory.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jettimer::domain::attempt::CallResult;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use crate::support::calls::{call, caller, outcome, settings, timer};
use crate::support::raw::{Raw, head};
use crate::support::{PATIENCE, eventually};

const TIMEOUT: Duration = Duration::from_millis(1_500);

type Doing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Reads the request, and then writes this and does nothing more.
fn write_and_hang(text: &'static str) -> impl Fn(TcpStream) -> Doing + Send + 'static {
    move |mut stream| {
        Box::pin(async move {
            head(&mut stream).await;
            stream.write_all(text.as_bytes()).await.unwrap();
            // Until the other side goes.
            let _ = stream.read_to_end(&mut vec![]).await;
        })
    }
}

/// Reads the request, and then writes this and closes.
fn write_and_close(text: &'static str) -> impl Fn(TcpStream) -> Doing + Send + 'static {
    move |mut stream| {
        Box::pin(async move {
            head(&mut stream).await;
            stream.write_all(text.as_bytes()).await.unwrap();
        })
    }
}

/// Reads the request, and then writes this again and again.
fn write_for_ever(
    first: &'static str,
    more: &'static str,
    every: Option<Duration>,
    written: Arc<AtomicUsize>,
) -> impl Fn(TcpStream) -> Doing + Send + 'static {
    move |mut stream| {
        let written = written.clone();
        Box::pin(async move {
            head(&mut stream).await;
            stream.write_all(first.as_bytes()).await.unwrap();
            let mut ticks = every.map(interval);
            while stream.write_all(more.as_bytes()).await.is_ok() {
                written.fetch_add(more.len(), Ordering::SeqCst);
                if let Some(ticks) = &mut ticks {
                    ticks.tick().await;
                }
            }
        })
    }
}

/// Calls a receiver and gives the result, its reason, the status, and the kept part of the answer.
async fn call_raw(receiver: &Raw) -> (&'static str, String, Option<u16>, Vec<u8>, bool) {
    let begun = Instant::now();
    let called = call(&settings(), &format!("http://{}/", receiver.address()), TIMEOUT).await;
    assert!(begun.elapsed() < PATIENCE, "it is over long before the test's patience: {called:?}");
    assert!(called.phases.total >= called.phases.first_byte.unwrap_or_default());
    let (result, reason) = outcome(&called);
    let status = if let CallResult::Answered { status, .. } = called.result { Some(status) } else { None };
    let reason = reason.to_owned();
    let answer = called.answer.unwrap_or_default();
    (result, reason, status, answer.body, answer.truncated)
}

#[tokio::test]
async fn a_receiver_that_gives_no_whole_head_has_not_answered() {
    let nothing = Arc::new(AtomicUsize::new(0));
    let second = Some(Duration::from_secs(1));
    for (receiver, why) in [
        (Raw::start(write_and_hang("")).await, "timed out"),
        (Raw::start(write_and_hang("HTTP/1.1 200 OK\r\nx-half:")).await, "timed out"),
        (Raw::start(write_and_close("")).await, "broke"),
        (Raw::start(write_and_close("HTTP/1.1 200 OK\r\nx-half:")).await, "broke"),
        (Raw::start(write_and_close("220 mail.example ESMTP\r\n\r\n")).await, "broke"),
        (Raw::start(write_for_ever("HTTP/1.1 200 OK\r\n", "x", second, nothing.clone())).await, "timed out"),
        (Raw::start(write_for_ever("HTTP/1.1 200 OK\r\n", "x: y\r\n", None, nothing.clone())).await, "broke"),
        (
            Raw::start(write_for_ever("HTTP/1.1 200 OK\r\nx: ", "yyyyyyyy", None, nothing.clone())).await,
            "broke",
        ),
        (
            Raw::start(write_for_ever("", "HTTP/1.1 100 Continue\r\n\r\n", None, nothing.clone())).await,
            "timed out",
        ),
    ] {
        let (result, reason, _, _, _) = call_raw(&receiver).await;
        assert_eq!(result, "no_answer", "{reason}");
        assert!(reason.contains(why), "{why:?} is not said: {reason}");
        assert_eq!(receiver.connections(), 1);
    }
}

#[tokio::test]
async fn a_reset_is_no_answer_and_a_refusal_is_no_call() {
    let reset = Raw::start(|mut stream: TcpStream| async move {
        head(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let (result, reason, _, _, _) = call_raw(&reset).await;
    assert_eq!(result, "no_answer", "{reason}");

    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let called = call(&settings(), &format!("http://{free}/"), TIMEOUT).await;
    assert_eq!(outcome(&called).0, "not_sent", "{called:?}");
    assert_eq!((called.phases.connect, called.phases.first_byte), (None, None));
}

#[tokio::test]
async fn the_status_counts_whatever_becomes_of_the_body() {
    let written = Arc::new(AtomicUsize::new(0));
    let second = Some(Duration::from_secs(1));
    let endless = "HTTP/1.1 200 OK\r\n\r\n";
    for (receiver, kept, truncated) in [
        (
            Raw::start(write_and_close("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood")).await,
            "good",
            false,
        ),
        (Raw::start(write_and_close("HTTP/1.1 200 OK\r\n\r\ngood")).await, "good", false),
        (Raw::start(write_and_hang("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")).await, "half", true),
        (Raw::start(write_for_ever(endless, "x", second, written.clone())).await, "x", true),
    ] {
        let (result, _, status, body, cut) = call_raw(&receiver).await;
        assert_eq!((result, status, cut), ("answered", Some(200), truncated));
        assert!(String::from_utf8(body).unwrap().starts_with(kept));
    }
}

#[tokio::test]
async fn of_a_huge_answer_no_more_is_taken_than_is_kept() {
    const CHUNK: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    // What the two sockets hold, at most; the receiver would go on for ever.
    const SOCKETS: usize = 64 * 1_048_576;
    let written = Arc::new(AtomicUsize::new(0));
    let receiver = Raw::start(write_for_ever("HTTP/1.1 200 OK\r\n\r\n", CHUNK, None, written.clone())).await;
    let (_, _, status, body, truncated) = call_raw(&receiver).await;
    assert_eq!((status, body.len(), truncated), (Some(200), 4_096, true));
    let mut last = usize::MAX;
    // It has stopped once nothing more is written between two looks.
    eventually("the receiver is hung up on", async || {
        let now = written.load(Ordering::SeqCst);
        (std::mem::replace(&mut last, now) == now).then_some(())
    })
    .await;
    assert!(last < SOCKETS, "{last} bytes were taken");
}

#[tokio::test]
async fn nothing_is_decompressed_and_no_compression_is_asked_for() {
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(std::sync::Mutex::new(Some(tell)));
    let receiver = Raw::start(move |mut stream: TcpStream| {
        let tell = tell.clone();
        async move {
            let request = head(&mut stream).await;
            tell.lock().unwrap().take().unwrap().send(request).unwrap();
            let answer =
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00";
            stream.write_all(answer).await.unwrap();
        }
    })
    .await;
    let (_, _, status, body, _) = call_raw(&receiver).await;
    assert_eq!((status, body.as_slice()), (Some(200), &b"\x1f\x8b\x08\x00"[..]));
    assert!(!told.await.unwrap().to_lowercase().contains("accept-encoding"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_goes_nowhere() {
    let elsewhere = Raw::start(write_and_close("HTTP/1.1 200 OK\r\n\r\n")).await;
    let to_metadata = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
    let (_, _, status, _, _) = call_raw(&Raw::start(write_and_close(to_metadata)).await).await;
    assert_eq!(status, Some(302));

    let address = elsewhere.address();
    let to_elsewhere = Raw::start(move |mut stream: TcpStream| async move {
        head(&mut stream).await;
        let answer =
            format!("HTTP/1.1 307 Elsewhere\r\nlocation: http://{address}/\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let (_, _, status, _, _) = call_raw(&to_elsewhere).await;
    assert_eq!((status, elsewhere.connections()), (Some(307), 0));
}

#[tokio::test]
async fn an_answer_has_to_begin_in_its_own_time() {
    let receiver = Raw::start(write_and_hang("")).await;
    let mut settings = settings();
    settings.first_byte_timeout = Some(Duration::from_millis(100));
    let called = call(&settings, &format!("http://{}/", receiver.address()), PATIENCE).await;
    assert_eq!(outcome(&called), ("no_answer", "timed out after 100ms"));
}

#[tokio::test]
async fn a_connection_is_used_again_and_its_parts_are_timed_once() {
    let receiver = Raw::start(|mut stream: TcpStream| async move {
        while !head(&mut stream).await.is_empty() {
            let mut body = [0; 46];
            stream.read_exact(&mut body).await.unwrap();
            let answer = b"HTTP/1.1 429 Later\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nno";
            stream.write_all(answer).await.unwrap();
        }
    })
    .await;
    let caller = caller(&settings());
    let timer = timer(&format!("http://{}/", receiver.address()), TIMEOUT);
    let first = caller.call(&timer, 1, &CancellationToken::new()).await;
    let answer = first.answer.clone().unwrap();
    assert_eq!(
        (answer.body.as_slice(), first.result.retry_after()),
        (&b"no"[..], Some(Duration::from_secs(7)))
    );
    assert!(first.phases.connect.is_some() && first.phases.resolve.is_none() && first.phases.tls.is_none());
    let second = caller.call(&timer, 2, &CancellationToken::new()).await;
    assert_eq!(second.result, first.result);
    // On a busy machine the connection may have been idle for too long.
    assert_eq!(second.phases.connect.is_some(), receiver.connections() == 2);
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_at_once() {
    let asked = Arc::new(tokio::sync::Notify::new());
    let tell = asked.clone();
    let receiver = Raw::start(move |mut stream: TcpStream| {
        let tell = tell.clone();
        async move {
            head(&mut stream).await;
            tell.notify_one();
            let _ = stream.read_to_end(&mut vec![]).await;
        }
    })
    .await;
    let (caller, abort) = (caller(&settings()), CancellationToken::new());
    let timer = timer(&format!("http://{}/", receiver.address()), PATIENCE);
    let give_up = async {
        asked.notified().await;
        abort.cancel();
    };
    let (called, ()) = tokio::join!(caller.call(&timer, 1, &abort), give_up);
    assert_eq!((called.result, called.answer), (CallResult::Interrupted, None));
}
