//! A receiver that writes HTTP/2 frame by frame, so that it can break rules that a library keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::raw::{Raw, head};
use super::tls::Authority;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const HTTP_1_1_REQUIRED: u32 = 13;

/// One request: its number on its connection, and the number of the connection, both from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) connection: usize,
    pub(crate) number: u32,
}

impl Request {
    pub(crate) fn stream(self) -> u32 {
        self.number * 2 - 1
    }
}

/// The receiver's reaction to a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Status 200, without a body.
    Answer,
    /// This block of fields, unchanged, and the end of the stream.
    Fields(Vec<u8>),
    /// Status 200 and a body of this many bytes, as far as the client's flow control allows it.
    Long(usize),
    Reset(u32),
    /// GOAWAY: the connection ends, and this was the last stream.
    GoAway(u32),
    /// The connection is closed.
    Close,
    /// The client may send this many more bytes on the connection and on this stream.
    Window(u32),
    /// The receiver reads nothing until it is notified.
    Until(Arc<Notify>),
}

/// A running receiver, and counts of the events that it has seen.
pub(crate) struct Frames {
    pub(crate) raw: Raw,
    pub(crate) authority: Authority,
    pub(crate) requests: Arc<AtomicUsize>,
    pub(crate) pings: Arc<AtomicUsize>,
    pub(crate) resets: Arc<AtomicUsize>,
    /// HTTP/2 connections that have ended.
    pub(crate) ended: Arc<AtomicUsize>,
    /// The number, from 1, of the connection that the receiver accepts and never shakes hands on.
    pub(crate) hangs: Arc<AtomicUsize>,
    /// HTTP/1.1 requests, which the receiver answers with 204.
    pub(crate) plain: Arc<AtomicUsize>,
}

impl Frames {
    /// Starts a receiver that allows `streams` streams at once and reacts to each request as `act` says.
    pub(crate) async fn start(
        streams: u32,
        act: impl Fn(Request) -> Vec<Act> + Clone + Send + Sync + 'static,
    ) -> Self {
        let authority = Authority::new();
        let mut config = authority.server(&authority.certify("127.0.0.1", |_| ()), false);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let [requests, pings, resets, connections] = [(); 4].map(|()| Arc::new(AtomicUsize::new(0)));
        let counters = [requests.clone(), pings.clone(), resets.clone()];
        let [hangs, plain, ended] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let (hanging, counted, over) = (hangs.clone(), plain.clone(), ended.clone());
        let raw = Raw::start(move |stream| {
            let (acceptor, act, counters) = (acceptor.clone(), act.clone(), counters.clone());
            let connection = connections.fetch_add(1, Ordering::SeqCst) + 1;
            let (hangs, plain) = (hanging.load(Ordering::SeqCst) == connection, counted.clone());
            let ended = over.clone();
            async move {
                if hangs {
                    return std::future::pending().await;
                }
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                    head(&mut stream).await;
                    plain.fetch_add(1, Ordering::SeqCst);
                    let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                    // The client may have closed the connection.
                    let _ = stream.write_all(answer).await;
                    return;
                }
                // MAX_CONCURRENT_STREAMS.
                let settings = [&[0, 3][..], &streams.to_be_bytes()].concat();
                let served = async {
                    stream.write_all(&frame(4, 0, 0, &settings)).await?;
                    stream.read_exact(&mut [0; 24]).await?;
                    serve(&mut stream, connection, &act, &counters).await
                };
                // The client ends the connection.
                let _: std::io::Result<()> = served.await;
                ended.fetch_add(1, Ordering::SeqCst);
            }
        })
        .await;
        Self { raw, authority, requests, pings, resets, ended, hangs, plain }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}/", self.raw.address())
    }
}

async fn serve(
    stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    connection: usize,
    act: &impl Fn(Request) -> Vec<Act>,
    [requests, pings, resets]: &[Arc<AtomicUsize>; 3],
) -> std::io::Result<()> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await?;
        match head[3] {
            1 => {
                requests.fetch_add(1, Ordering::SeqCst);
                for act in act(Request { connection, number: id.div_ceil(2) }) {
                    match act {
                        Act::Answer => stream.write_all(&frame(1, 5, id, &[0x88])).await?,
                        Act::Fields(block) => stream.write_all(&fields(id, &block)).await?,
                        Act::Long(size) => {
                            stream.write_all(&frame(1, 4, id, &[0x88])).await?;
                            // The tests use `Act::Long` only with sizes within the client's window, so
                            // that the whole body fits without waiting.
                            for at in (0..size).step_by(8_192) {
                                let ends = u8::from(at + 8_192 >= size);
                                stream
                                    .write_all(&frame(0, ends, id, &vec![b'x'; 8_192.min(size - at)]))
                                    .await?;
                            }
                        }
                        Act::Reset(code) => stream.write_all(&frame(3, 0, id, &code.to_be_bytes())).await?,
                        Act::GoAway(last) => {
                            let payload = [last.to_be_bytes(), NO_ERROR.to_be_bytes()].concat();
                            stream.write_all(&frame(7, 0, 0, &payload)).await?;
                        }
                        Act::Window(more) => {
                            for stream_id in [0, id] {
                                stream.write_all(&frame(8, 0, stream_id, &more.to_be_bytes())).await?;
                            }
                        }
                        Act::Until(released) => released.notified().await,
                        Act::Close => {
                            stream.shutdown().await?;
                            return Ok(());
                        }
                    }
                }
            }
            3 => drop(resets.fetch_add(1, Ordering::SeqCst)),
            6 if head[4] & 1 == 0 => {
                pings.fetch_add(1, Ordering::SeqCst);
                stream.write_all(&frame(6, 1, 0, &payload)).await?;
            }
            _ => {}
        }
    }
}

/// A literal field without compression.
pub(crate) fn field(name: &str, value: &[u8]) -> Vec<u8> {
    assert!(name.len() < 127 && value.len() < 127);
    [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value].concat()
}

/// A head that ends its stream, split into as many frames as it needs.
fn fields(stream: u32, block: &[u8]) -> Vec<u8> {
    let pieces: Vec<_> = block.chunks(16_384).collect();
    let kind = |at: usize| if at == 0 { 1 } else { 9 };
    let flags = |at: usize| u8::from(at == 0) | if at + 1 == pieces.len() { 4 } else { 0 };
    pieces.iter().enumerate().flat_map(|(at, piece)| frame(kind(at), flags(at), stream, piece)).collect()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}
