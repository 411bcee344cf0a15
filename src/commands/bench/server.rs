//! An API node that is measured, and the way to connect to it.
//!
//! Only plain http is measured: TLS would measure the generator's own cryptography on the machine under test.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use hyper::Uri;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use tokio::net::TcpStream;

use super::wire::Wire;
use crate::commands::client::Access;

/// A node that takes longer to accept is down; the kernel by itself would try for two minutes.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

const HTTP_PORT: u16 = 80;

/// "Too many open files" on Linux, the BSDs and macOS alike.
const EMFILE: i32 = 24;

/// A node, and the start of each request to it.
#[derive(Debug, Clone)]
pub(super) struct Server {
    host: String,
    port: u16,
    pub(super) headers: HeaderMap,
    pub(super) create_path: Uri,
    /// The path of requests for many timers.
    pub(super) create_many_path: Uri,
}

impl Server {
    /// The node that these settings name.
    ///
    /// # Errors
    ///
    /// If the node speaks TLS.
    pub(super) fn of(access: &Access) -> anyhow::Result<Self> {
        let server = &access.server;
        ensure!(!server.is_secure(), "{server}: https is not measured: name the node's http address");
        let authority = server.authority();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, authority.as_str().parse()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = &access.token {
            headers.insert(AUTHORIZATION, token.header().clone());
        }
        Ok(Self {
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(HTTP_PORT),
            headers,
            create_path: server.path("/timer").parse()?,
            create_many_path: server.path("/timers").parse()?,
        })
    }

    pub(super) async fn connect(&self) -> anyhow::Result<Wire> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if is_out_of_files(&error) => {
                bail!("too many open files: raise the limit (ulimit -n) or use fewer --connections")
            }
            Ok(Err(error)) => {
                return Err(error).with_context(|| format!("cannot connect to {}:{}", self.host, self.port));
            }
            Err(_) => {
                bail!("cannot connect to {}:{} in {} s", self.host, self.port, CONNECT_WITHIN.as_secs())
            }
        };
        stream.set_nodelay(true)?;
        Wire::new(stream).await
    }
}

pub(super) fn is_out_of_files(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(EMFILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::client::Token;

    fn of(url: &str, token: &str) -> anyhow::Result<Server> {
        Server::of(&Access { server: url.parse()?, token: Token::new(token)?, ca: None })
    }

    #[test]
    fn a_server_is_a_host_a_port_and_perhaps_a_path_before_timer() {
        for (url, host, port, path) in [
            ("http://127.0.0.1:8000", "127.0.0.1", 8000, "/timer"),
            ("http://node/", "node", 80, "/timer"),
            ("http://[::1]:9/base/", "::1", 9, "/base/timer"),
        ] {
            let server = of(url, "").unwrap();
            assert_eq!((server.host.as_str(), server.port), (host, port));
            assert_eq!(server.create_path.to_string(), path);
            assert!(!server.headers.contains_key(AUTHORIZATION));
        }
    }

    #[test]
    fn a_token_goes_with_each_request_and_tls_is_refused() {
        assert_eq!(of("http://node", "jt_x").unwrap().headers[AUTHORIZATION], "Bearer jt_x");
        assert!(of("https://node", "").is_err());
    }
}
