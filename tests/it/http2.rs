//! HTTP/2: which calls share a connection, and the outcome of a call whose connection or stream ends early.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jettimer::webhook::{Caller, Settings};
use rules::domain::called::Called;
use rules::domain::target::Body;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::calls::{answered, caller, outcome, settings, timer, unnoted};
use crate::support::h2::{Act, Frames, HTTP_1_1_REQUIRED, REFUSED_STREAM, Request, field};
use crate::support::{PATIENCE, eventually, spawn};

fn caller_of(receiver: &Frames) -> Caller {
    caller(&Settings { ca: Some(receiver.authority.file()), ..settings() })
}

async fn call(caller: &Caller, receiver: &Frames, timeout: Duration) -> Called {
    caller.call(&timer(&receiver.url(), timeout), 1, &CancellationToken::new(), &unnoted()).await
}

#[tokio::test]
async fn calls_share_a_connection_that_the_receiver_keeps() {
    let receiver = Frames::start(100, |_| vec![Act::Answer]).await;
    let caller = caller_of(&receiver);
    for _ in 0..20 {
        assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(200));
    }
    assert_eq!((receiver.requests.load(Ordering::SeqCst), receiver.raw.connections()), (20, 1));
}

#[tokio::test]
async fn a_call_does_not_wait_behind_the_receivers_limit_of_streams() {
    for limit in [1, 3] {
        let receiver = Frames::start(limit, move |request: Request| {
            // Calls that never end fill the first connection.
            if request.connection == 1 && request.number > 1 || limit == 1 && request.connection == 2 {
                return vec![];
            }
            vec![Act::Answer]
        })
        .await;
        let (caller, abort) = (caller_of(&receiver), CancellationToken::new());
        assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(200));
        let hanging: Vec<_> = (0..limit + 1)
            .map(|_| {
                let (caller, timer, abort) =
                    (caller.clone(), timer(&receiver.url(), PATIENCE), abort.clone());
                spawn(async move { caller.call(&timer, 1, &abort, &unnoted()).await })
            })
            .collect();
        let all = limit as usize + 2;
        eventually("the others are there", async || {
            (receiver.requests.load(Ordering::SeqCst) >= all).then_some(())
        })
        .await;
        assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(200), "limit {limit}");
        abort.cancel();
        join_all(hanging).await;
    }
}

#[tokio::test]
async fn a_stream_that_is_refused_is_one_request_and_not_sent() {
    let receiver = Frames::start(100, |_| vec![Act::Reset(REFUSED_STREAM)]).await;
    let called = call(&caller_of(&receiver), &receiver, PATIENCE).await;
    assert_eq!(outcome(&called), ("not_sent", "HTTP/2: stream refused"));
    assert_eq!(receiver.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_after_the_last_stream_of_a_connection_that_ends_is_one_request_and_not_sent() {
    for closes in [false, true] {
        let receiver = Frames::start(100, move |request: Request| {
            if request.connection > 1 {
                return vec![Act::Answer];
            }
            if closes { vec![Act::GoAway(0), Act::Close] } else { vec![Act::GoAway(0)] }
        })
        .await;
        let caller = caller_of(&receiver);
        assert_eq!(outcome(&call(&caller, &receiver, PATIENCE).await).0, "not_sent");
        let count =
            |receiver: &Frames| (receiver.requests.load(Ordering::SeqCst), receiver.raw.connections());
        assert_eq!(count(&receiver), (1, 1), "each attempt writes its request once");
        assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(200));
        assert_eq!(count(&receiver), (2, 2));
    }
}

#[tokio::test]
async fn a_receiver_that_wants_http_1_1_gets_it_from_the_next_attempt_on() {
    let receiver = Frames::start(100, |_| vec![Act::Reset(HTTP_1_1_REQUIRED)]).await;
    let caller = caller_of(&receiver);
    let called = call(&caller, &receiver, PATIENCE).await;
    assert_eq!(outcome(&called), ("not_sent", "HTTP/2: the receiver wants HTTP/1.1 for this request"));
    for calls in 1..4 {
        assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(204));
        assert_eq!(
            (receiver.requests.load(Ordering::SeqCst), receiver.plain.load(Ordering::SeqCst)),
            (1, calls)
        );
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_holds_up_the_call_that_began_it_and_no_other() {
    let receiver = Frames::start(100, |request: Request| match request.connection {
        1 => vec![Act::Answer, Act::GoAway(request.stream()), Act::Close],
        _ => vec![Act::Answer],
    })
    .await;
    receiver.hangs.store(2, Ordering::SeqCst);
    let caller = caller_of(&receiver);
    assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(200));
    let abort = CancellationToken::new();
    let (first, timer, given_up) = (caller.clone(), timer(&receiver.url(), PATIENCE), abort.clone());
    let first = spawn(async move { first.call(&timer, 1, &given_up, &unnoted()).await });
    eventually("the second connection is there", async || (receiver.raw.connections() == 2).then_some(()))
        .await;
    // The first call waits for longer than all of these calls take.
    for called in join_all((0..20).map(|_| call(&caller, &receiver, PATIENCE))).await {
        assert_eq!(called.result, answered(200), "{called:?}");
    }
    assert!(!first.is_finished());
    abort.cancel();
    assert_eq!(outcome(&first.await.unwrap()).0, "not_sent");
}

#[tokio::test]
async fn a_request_that_the_receiver_has_looked_at_is_not_sent_again() {
    let receiver =
        Frames::start(100, |request: Request| vec![Act::GoAway(request.stream()), Act::Close]).await;
    let called = call(&caller_of(&receiver), &receiver, PATIENCE).await;
    assert_eq!(outcome(&called).0, "no_answer", "{called:?}");
    assert_eq!((receiver.requests.load(Ordering::SeqCst), receiver.raw.connections()), (1, 1));
}

#[tokio::test]
async fn a_receiver_that_has_ended_one_connection_early_gets_many_calls_on_the_next() {
    let receiver = Frames::start(100, |request: Request| {
        if request.connection == 1 { vec![Act::GoAway(0), Act::Close] } else { vec![Act::Answer] }
    })
    .await;
    let caller = caller_of(&receiver);
    assert_eq!(outcome(&call(&caller, &receiver, PATIENCE).await).0, "not_sent");
    for _ in 0..20 {
        assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(200));
    }
    assert_eq!(receiver.raw.connections(), 2);
}

#[tokio::test]
async fn a_receiver_that_ends_connections_after_some_requests_loses_none() {
    const EACH: u32 = 5;
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let receiver = Frames::start(100, move |request: Request| {
        if request.number > EACH {
            return vec![];
        }
        counted.fetch_add(1, Ordering::SeqCst);
        if request.number == EACH {
            vec![Act::Answer, Act::GoAway(request.stream())]
        } else {
            vec![Act::Answer]
        }
    })
    .await;
    let caller = caller_of(&receiver);
    assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(200));
    let calls = join_all((0..60).map(|_| call(&caller, &receiver, PATIENCE))).await;
    let left_out: Vec<_> = calls.iter().filter(|called| called.result != answered(200)).collect();
    // Until the caller knows how many requests a connection takes, some requests come after the last
    // one that it takes. They are tried again.
    assert!(left_out.iter().all(|called| outcome(called).0 == "not_sent"), "{left_out:?}");
    assert_eq!(taken.load(Ordering::SeqCst), 61 - left_out.len(), "each was looked at once");
    // From then on no connection gets more requests than it takes.
    for called in join_all((0..60).map(|_| call(&caller, &receiver, PATIENCE))).await {
        assert_eq!(called.result, answered(200));
    }
    assert_eq!(receiver.requests.load(Ordering::SeqCst), 121, "each attempt is one request");
}

#[tokio::test]
async fn a_receiver_that_closes_without_a_word_after_some_requests_loses_none_once_that_is_known() {
    const EACH: u32 = 5;
    let receiver =
        Frames::start(
            100,
            |request: Request| {
                if request.number > EACH { vec![Act::Close] } else { vec![Act::Answer] }
            },
        )
        .await;
    let caller = caller_of(&receiver);
    assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(200));
    let calls = join_all((0..EACH).map(|_| call(&caller, &receiver, PATIENCE))).await;
    let lost = calls.iter().filter(|called| outcome(called).0 == "no_answer").count();
    assert_eq!(lost, 1, "{calls:?}");
    for called in join_all((0..60).map(|_| call(&caller, &receiver, PATIENCE))).await {
        assert_eq!(called.result, answered(200), "{called:?}");
    }
    assert!(receiver.raw.connections() > 60 / EACH as usize);
}

#[tokio::test]
async fn a_receiver_that_closes_idle_connections_without_a_word_loses_one_call_and_no_other() {
    const IDLE: Duration = Duration::from_millis(400);
    let last = Arc::new(Mutex::new(HashMap::new()));
    let receiver = Frames::start(100, move |request: Request| {
        let now = Instant::now();
        let before = last.lock().unwrap().insert(request.connection, now);
        let was_idle = before.is_some_and(|before| now - before >= IDLE);
        if was_idle { vec![Act::Close] } else { vec![Act::Answer] }
    })
    .await;
    let caller = caller_of(&receiver);
    for expected in ["answered", "no_answer", "answered", "answered", "answered"] {
        assert_eq!(outcome(&call(&caller, &receiver, PATIENCE).await).0, expected);
        // The test needs this time.
        tokio::time::sleep(IDLE + IDLE / 2).await;
    }
}

#[tokio::test]
async fn a_request_that_a_receiver_does_not_read_for_so_long_that_it_is_not_written_is_not_sent_and_never_comes()
 {
    for by_abort in [false, true] {
        let released = Arc::new(Notify::new());
        let reads_on = released.clone();
        let receiver = Frames::start(100, move |request: Request| match request {
            // The receiver allows a body of any size, and does not read it.
            Request { connection: 1, number: 1 } => {
                vec![Act::Window(1 << 30), Act::Until(reads_on.clone())]
            }
            Request { connection: 1, .. } => vec![],
            Request { .. } => vec![Act::Answer],
        })
        .await;
        let (caller, ended) = (caller_of(&receiver), CancellationToken::new());
        // More than the buffers between the two sides hold.
        let mut large = timer(&receiver.url(), PATIENCE);
        large.target.body = Body::Text("x".repeat(32 << 20).into());
        let (first, over) = (caller.clone(), ended.clone());
        let first = spawn(async move { first.call(&large, 1, &over, &unnoted()).await });
        eventually("the large one is there", async || {
            (receiver.requests.load(Ordering::SeqCst) == 1).then_some(())
        })
        .await;
        let mut written = 0;
        let not_written = eventually("a request is not written", async || {
            let (time, abort) = (Duration::from_millis(200), CancellationToken::new());
            let called = if by_abort {
                let (timer, departure) = (timer(&receiver.url(), PATIENCE), unnoted());
                let give_up = async {
                    tokio::time::sleep(time).await;
                    abort.cancel();
                };
                tokio::join!(caller.call(&timer, 1, &abort, &departure), give_up).0
            } else {
                call(&caller, &receiver, time).await
            };
            let is_written = matches!(outcome(&called).0, "no_answer" | "interrupted");
            written += usize::from(is_written);
            (!is_written).then_some(called)
        })
        .await;
        let why = if by_abort {
            "the node was stopped before the request was written"
        } else {
            "no room for the request on the connection within 200 ms"
        };
        assert_eq!(outcome(&not_written), ("not_sent", why));
        assert_eq!(receiver.raw.connections(), 1);
        // The receiver reads all that was written, and then the end.
        assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(200));
        released.notify_one();
        ended.cancel();
        first.await.unwrap();
        drop(caller);
        eventually("the first connection is over", async || {
            (receiver.ended.load(Ordering::SeqCst) >= 1).then_some(())
        })
        .await;
        assert_eq!(receiver.requests.load(Ordering::SeqCst), 1 + written + 1, "by abort: {by_abort}");
    }
}

#[tokio::test]
async fn an_answer_longer_than_what_is_kept_is_read_and_not_cut_off() {
    // As much as fits into the window of a call at its start.
    let receiver = Frames::start(100, |_| vec![Act::Long(16_384)]).await;
    let caller = caller_of(&receiver);
    for _ in 0..30 {
        let called = call(&caller, &receiver, PATIENCE).await;
        let answer = called.answer.unwrap();
        assert_eq!((called.result, answer.body.len(), answer.truncated), (answered(200), 4_096, true));
    }
    assert_eq!((receiver.resets.load(Ordering::SeqCst), receiver.raw.connections()), (0, 1));
}

#[tokio::test]
async fn a_connection_with_many_cut_off_streams_is_left() {
    let receiver = Frames::start(100, |_| vec![]).await;
    let caller = caller_of(&receiver);
    for _ in 0..25 {
        assert_eq!(outcome(&call(&caller, &receiver, Duration::from_millis(50)).await).0, "no_answer");
    }
    assert!(receiver.raw.connections() > 1);
}

#[tokio::test]
async fn a_connection_that_owes_an_answer_and_is_silent_gets_no_other_call_and_no_pings() {
    let waiting = Arc::new(Notify::new());
    let tell = waiting.clone();
    let receiver = Frames::start(100, move |request: Request| {
        if request.connection > 1 {
            return vec![Act::Answer];
        }
        tell.notify_one();
        vec![]
    })
    .await;
    let (caller, abort) = (caller_of(&receiver), CancellationToken::new());
    let (first, timer, given_up) = (caller.clone(), timer(&receiver.url(), PATIENCE), abort.clone());
    let first = spawn(async move { first.call(&timer, 1, &given_up, &unnoted()).await });
    waiting.notified().await;
    // The test needs this time.
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    assert_eq!(call(&caller, &receiver, PATIENCE).await.result, answered(200));
    assert_eq!((receiver.raw.connections(), receiver.pings.load(Ordering::SeqCst)), (2, 0));
    abort.cancel();
    first.await.unwrap();
}

#[tokio::test]
async fn a_head_that_is_odd_has_its_status_and_harms_no_other_call() {
    let heads: [Vec<u8>; 4] = [
        [vec![0x88], field("x-a", b"a\x01b")].concat(),
        [vec![0x88], field("X-Upper", b"a"), field("connection", b"close")].concat(),
        [vec![0x88], field("content-length", b"")].concat(),
        [vec![0x88], field("x-long", &[b'y'; 100]).repeat(1_500)].concat(),
    ];
    for head in heads {
        let given = head.clone();
        let receiver = Frames::start(100, move |request: Request| match request.number {
            1 => vec![Act::Answer],
            _ => vec![Act::Fields(given.clone())],
        })
        .await;
        let caller = caller_of(&receiver);
        for _ in 0..3 {
            let called = call(&caller, &receiver, PATIENCE).await;
            assert_eq!(called.result, answered(200), "{:?}", &head[..head.len().min(40)]);
        }
        assert_eq!(receiver.raw.connections(), 1);
    }
    // This status is not readable, and the next call uses the same connection.
    let receiver = Frames::start(100, |request: Request| match request.number {
        2 => vec![Act::Fields(field(":status", b"2OO"))],
        _ => vec![Act::Answer],
    })
    .await;
    let caller = caller_of(&receiver);
    for expected in ["answered", "no_answer", "answered"] {
        assert_eq!(outcome(&call(&caller, &receiver, PATIENCE).await).0, expected);
    }
    assert_eq!(receiver.raw.connections(), 1);
}
