//! Heads and bodies, correct ones and those of real receivers.

use bytes::BytesMut;

use super::body::{Body, Piece};
use super::head::{Framing, Head, NotHttp, length, read, status};
use crate::webhook::answer::Fields;

/// The status and the head of a complete answer, and the bytes that follow it.
fn parsed(answer: &[u8], to_head: bool) -> (u16, Head, &[u8]) {
    let (status, line) = status(answer).unwrap().unwrap();
    let length = length(answer, line - 1).unwrap();
    (status, read(status, &answer[..line], &answer[line..length], to_head), &answer[length..])
}

#[test]
fn an_answer_as_it_should_be_keeps_its_connection() {
    for (answer, framing) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", Framing::Length(3)),
        ("HTTP/1.1 200 OK\r\ncontent-length:0\r\ncontent-length: 0\r\n\r\n", Framing::Length(0)),
        ("HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n", Framing::Chunked),
        ("HTTP/1.1 204 No Content\r\n\r\n", Framing::Length(0)),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", Framing::Length(0)),
    ] {
        let (_, head, _) = parsed(answer.as_bytes(), false);
        assert_eq!((head.framing, head.closes), (framing, false), "{answer:?}");
    }
    let (_, head, _) = parsed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true);
    assert_eq!((head.framing, head.closes), (Framing::Length(0), false));
}

#[test]
fn a_sloppy_answer_has_its_status_and_a_connection_that_is_not_used_again() {
    for (lines, framing) in [
        ("Server : x\r\nContent-Length: 0\r\n", Framing::Length(0)),
        ("X-A: b\r\n  c: d\r\nContent-Length: 0\r\n", Framing::Length(0)),
        ("PHP Warning  in index.php\r\nContent-Length: 0\r\n", Framing::Length(0)),
        ("X-A: a\u{7f}b\r\nContent-Length: 0\r\n", Framing::Length(0)),
        ("X-A: a\u{1}b\r\nContent-Length: 0\r\n", Framing::Length(0)),
        ("X-A: a\0b\r\nContent-Length: 0\r\n", Framing::Length(0)),
        ("X A: b\r\nContent-Length: 0\r\n", Framing::Length(0)),
        (": b\r\nContent-Length: 0\r\n", Framing::Length(0)),
        ("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", Framing::Chunked),
        ("Content-Length: 3\r\nContent-Length: 0\r\n", Framing::UntilClose),
        ("Content-Length: +0\r\n", Framing::UntilClose),
        ("Content-Length:\r\n", Framing::UntilClose),
        ("Content-Length: 99999999999999999999\r\n", Framing::UntilClose),
        ("Transfer-Encoding: gzip, chunked\r\n", Framing::UntilClose),
        ("", Framing::UntilClose),
        ("Content-Length: 0\r\nConnection: keep-alive, Close\r\n", Framing::Length(0)),
    ] {
        let answer = format!("HTTP/1.1 201 Made\r\n{lines}\r\n");
        let (status, head, _) = parsed(answer.as_bytes(), false);
        assert_eq!((status, head.framing, head.closes), (201, framing, true), "{lines:?}");
    }
    for answer in [
        "HTTP/1.0 201 Made\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.2 201 Made\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2 201\r\nContent-Length: 0\r\n\r\n",
        "\r\n\r\nHTTP/1.1 201 \r\n\r\n",
        "HTTP/1.1 201\n\n",
        "HTTP/1.1  201  D'accord\nX: y\r\n\n",
    ] {
        let (status, head, rest) = parsed(answer.as_bytes(), false);
        assert_eq!((status, head.closes, rest), (201, true, &b""[..]), "{answer:?}");
    }
}

#[test]
fn what_is_no_answer_is_told_from_one_that_is_not_whole() {
    for whole in ["HTTP/1.1 200 OK\r\n", "http/1.1  404\tNo\r\n", "\r\nHTTP/1.0 503\r\n", "HTTP/1.1 201\n"] {
        let digits = whole.find(['2', '4', '5']).unwrap() + 3;
        for cut in 0..whole.len() {
            // Only a byte after the digits shows that they are all.
            let expected = (cut > digits).then(|| (whole[digits - 3..digits].parse().unwrap(), cut));
            assert_eq!(status(&whole.as_bytes()[..cut]), Ok(expected), "{:?}", &whole[..cut]);
        }
    }
    for other in [
        "220 mail.example ESMTP\r\n",
        "null",
        "HTTP/1.1 20\r\n",
        "HTTP/1.1\r\n",
        "HTTP/1.1 +200 OK\r\n",
        "HTTP/1.1 0200 OK\r\n",
        "HTTP/1.1 00000200 OK\r\n",
        "HTTP/1.1 099 ",
        "HTTP/1.1 2e2 OK\r\n",
        "HTTP/1.1 \u{662}\u{660}\u{660} OK\r\n",
        "HTTP/1.1 OK 200\r\n",
        "HTTP/ 200\r\n",
        "\0",
    ] {
        assert_eq!(status(other.as_bytes()), Err(NotHttp), "{other:?}");
    }
}

#[test]
fn a_head_is_read_the_same_wherever_its_first_line_is_cut() {
    let answer = b"HTTP/1.1 200 All is well\r\nContent-Length: 3\r\n\r\nabc";
    let whole = parsed(answer, false);
    for cut in "HTTP/1.1 200 ".len()..=answer.len() {
        let (status, line) = status(&answer[..cut]).unwrap().unwrap();
        let length = length(answer, line - 1).unwrap();
        let head = read(status, &answer[..line], &answer[line..length], false);
        assert_eq!((status, head, &answer[length..]), whole, "{cut}");
    }
    // The line has no end, and its connection is not used again.
    let cut = b"HTTP/1.1 204 No Con";
    let (status, line) = status(cut).unwrap().unwrap();
    assert_eq!((status, line), (204, cut.len()));
    assert_eq!(
        read(200, cut, b"", false),
        Head { fields: Fields::default(), framing: Framing::UntilClose, closes: true }
    );
}

/// Reads a body in pieces of this size: the data, how the body ended, and the remaining bytes.
fn body_in_pieces(framing: Framing, bytes: &[u8], size: usize) -> (Vec<u8>, Piece, Vec<u8>) {
    let (mut body, mut whole, mut buffer) = (Body::new(framing), vec![], BytesMut::new());
    let mut chunks = bytes.chunks(size);
    loop {
        match body.take(&mut buffer) {
            Piece::Data(data) => whole.extend_from_slice(&data),
            Piece::More => match chunks.next() {
                Some(chunk) => buffer.extend_from_slice(chunk),
                None => return (whole, Piece::More, buffer.to_vec()),
            },
            end @ (Piece::End | Piece::Broken) => {
                let rest: Vec<u8> = buffer.iter().copied().chain(chunks.flatten().copied()).collect();
                return (whole, end, rest);
            }
        }
    }
}

#[test]
fn a_body_ends_where_its_framing_says_however_it_is_cut() {
    let chunked = b"3;x=y\r\nabc\r\n2\nde\n0\r\nTrailer: t\r\n\r\nmore";
    for (framing, bytes, whole, end, rest) in [
        (Framing::Length(3), &b"abcmore"[..], &b"abc"[..], Piece::End, &b"more"[..]),
        (Framing::Length(0), b"more", b"", Piece::End, b"more"),
        (Framing::Length(9), b"abc", b"abc", Piece::More, b""),
        (Framing::Chunked, chunked, b"abcde", Piece::End, b"more"),
        (Framing::Chunked, b"zz\r\n", b"", Piece::Broken, b""),
        (Framing::Chunked, b"-1\r\n", b"", Piece::Broken, b""),
        (Framing::Chunked, b"3\r\nabcX\r\n", b"abc", Piece::Broken, b""),
        (Framing::UntilClose, b"abc", b"abc", Piece::More, b""),
    ] {
        for size in 1..=bytes.len() {
            let (found, how, left) = body_in_pieces(framing, bytes, size);
            assert_eq!((&*found, &how), (whole, &end), "{framing:?} in pieces of {size}");
            assert!(end != Piece::End || left == rest, "{framing:?} in pieces of {size}");
        }
    }
    let endless = [b'1'; 5_000];
    assert_eq!(body_in_pieces(Framing::Chunked, &endless, 1_000).1, Piece::Broken);
}
