//! How an answer is read: the status counts, and no more of the body is read than is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::support::calls::call_raw;
use crate::support::eventually;
use crate::support::raw::{Raw, head, write_and_close, write_and_hang, write_for_ever};

#[tokio::test]
async fn the_status_counts_even_if_the_body_does_not_come_whole() {
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
        // If the head breaks off, hangs or does not end, its status still counts.
        (Raw::start(write_and_close("HTTP/1.1 200 OK\r\nx-half:")).await, "", false),
        (Raw::start(write_and_hang("HTTP/1.1 200 OK\r\nx-half:")).await, "", false),
        (Raw::start(write_and_close("HTTP/1.1 200 OK\r")).await, "", false),
        (Raw::start(write_and_close("HTTP/1.1 200 O")).await, "", false),
        (Raw::start(write_and_hang("HTTP/1.1 200 ")).await, "", false),
        (Raw::start(write_for_ever("HTTP/1.1 200 OK\r\n", "x", second, written.clone())).await, "", false),
        (
            Raw::start(write_for_ever("HTTP/1.1 200 OK\r\n", "x: y\r\n", None, written.clone())).await,
            "",
            false,
        ),
        (
            Raw::start(write_for_ever("HTTP/1.1 200 OK\r\nx: ", "yyyyyyyy", None, written.clone())).await,
            "",
            false,
        ),
        // PHP, and an old gateway.
        (
            Raw::start(write_and_close("HTTP/1.1 200 OK\r\nWarning  in x.php\r\nA : b\r\n\r\ngood")).await,
            "good",
            false,
        ),
        (Raw::start(write_and_close("HTTP/1.0 200\nX-A: b\n  c\n\ngood")).await, "good", false),
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
    // The most that the two sockets hold; the receiver never stops writing.
    const SOCKETS: usize = 64 * 1_048_576;
    let written = Arc::new(AtomicUsize::new(0));
    let receiver = Raw::start(write_for_ever("HTTP/1.1 200 OK\r\n\r\n", CHUNK, None, written.clone())).await;
    let (_, _, status, body, truncated) = call_raw(&receiver).await;
    assert_eq!((status, body.len(), truncated), (Some(200), 4_096, true));
    let mut last = usize::MAX;
    // The receiver has stopped once it writes nothing between two looks.
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
