//! A proxy that serves a node under a prefix, as `location /jettimer/ { proxy_pass http://node/; }` of nginx does: it
//! removes the prefix from the path, does not tell the node about it, and changes nothing else.

use std::net::SocketAddr;

use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::Client;
use super::raw::{self, Raw};

/// The prefix that the proxy removes.
pub(crate) const PREFIX: &str = "/jettimer";

/// A running proxy.
pub(crate) struct Prefixed(Raw);

impl Prefixed {
    /// Starts a proxy in front of a node.
    pub(crate) async fn before(node: &Client) -> Self {
        let node: SocketAddr = node.url("").trim_start_matches("http://").parse().expect("an address");
        Self(Raw::start(move |stream| pass_on(stream, node)).await)
    }

    /// The URL of a path at the proxy.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.0.address())
    }
}

/// Passes on one request: both sides close once it is answered, so that no other request follows on the connection.
async fn pass_on(mut client: TcpStream, node: SocketAddr) {
    let head = raw::head(&mut client).await;
    let Some((line, fields)) = head.split_once("\r\n") else { return };
    let parts: Vec<&str> = line.splitn(3, ' ').collect();
    let path = parts.get(1).and_then(|path| path.strip_prefix(PREFIX)).filter(|path| path.starts_with('/'));
    let Some(path) = path else {
        client
            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .await
            .ok();
        return;
    };
    let fields: String = fields
        .split_inclusive("\r\n")
        .filter(|field| !field.to_ascii_lowercase().starts_with("connection:"))
        .collect();
    let mut node = TcpStream::connect(node).await.expect("the node is there");
    let head = format!("{} {path} HTTP/1.1\r\nconnection: close\r\n{fields}", parts[0]);
    // A client that disconnects meanwhile does not need the answer.
    if node.write_all(head.as_bytes()).await.is_ok() {
        copy_bidirectional(&mut client, &mut node).await.ok();
    }
}
