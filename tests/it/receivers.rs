//! Receivers that misbehave: each call ends with the right outcome, in bounded time and memory.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use rules::domain::attempt::CallResult;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::PATIENCE;
use crate::support::calls::{TIMEOUT, call, call_raw, caller, outcome, settings, timer, unnoted};
use crate::support::raw::{Raw, head, write_and_close, write_and_hang, write_for_ever};

#[tokio::test]
async fn a_receiver_that_gives_no_status_has_not_answered() {
    let nothing = Arc::new(AtomicUsize::new(0));
    // The receiver writes many digits at a time: even a busy machine has to read more of them than a head may have before the timeout.
    let digits: &str = "0".repeat(4_096).leak();
    for (receiver, why) in [
        (Raw::start(write_and_hang("")).await, "no answer within 1500 ms"),
        (Raw::start(write_and_hang("HTTP/1.1 200")).await, "no answer within 1500 ms"),
        (Raw::start(write_and_close("")).await, " before the answer"),
        (Raw::start(write_and_close("HTTP/1.1 200")).await, " before the answer"),
        (Raw::start(write_and_close("220 mail.example ESMTP\r\n\r\n")).await, "does not answer in HTTP"),
        (
            Raw::start(write_for_ever("HTTP/1.1 200", digits, None, nothing.clone())).await,
            "does not answer in HTTP",
        ),
        (
            Raw::start(write_for_ever("", "HTTP/1.1 100 Continue\r\n\r\n", None, nothing.clone())).await,
            "no answer within 1500 ms",
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
async fn an_answer_has_to_begin_in_its_own_time() {
    let receiver = Raw::start(write_and_hang("")).await;
    let mut settings = settings();
    // This timeout includes the time for connecting.
    settings.first_byte_timeout = Some(Duration::from_secs(2));
    let called = call(&settings, &format!("http://{}/", receiver.address()), PATIENCE).await;
    assert_eq!(outcome(&called), ("no_answer", "no answer within 2 s"));
}

#[tokio::test]
async fn the_parts_of_a_call_are_timed() {
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
    let first = caller.call(&timer, 1, &CancellationToken::new(), &unnoted()).await;
    let answer = first.answer.clone().unwrap();
    assert_eq!(
        (answer.body.as_slice(), first.result.retry_after()),
        (&b"no"[..], Some(Duration::from_secs(7)))
    );
    assert!(first.phases.connect.is_some() && first.phases.resolve.is_none() && first.phases.tls.is_none());
    // A connection is used again after this silence, but the third call may be too late for it on a busy machine.
    caller.call(&timer, 2, &CancellationToken::new(), &unnoted()).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    caller.call(&timer, 3, &CancellationToken::new(), &unnoted()).await;
    let before = receiver.connections();
    let last = caller.call(&timer, 4, &CancellationToken::new(), &unnoted()).await;
    assert_eq!(last.result, first.result);
    assert_eq!(last.phases.connect.is_some(), receiver.connections() > before);
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
    let departure = unnoted();
    let (called, ()) = tokio::join!(caller.call(&timer, 1, &abort, &departure), give_up);
    assert_eq!((called.result, called.answer), (CallResult::Interrupted, None));
}
