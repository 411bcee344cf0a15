//! An API node as named by `--server`, and the way to connect to it.
//!
//! Plain http only: TLS would measure the generator's own cryptography on the machine under test.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use hyper::Uri;
use hyper::header::HeaderValue;
use tokio::net::TcpStream;

use super::wire::Wire;

/// A node that takes longer to accept is down; the kernel by itself would try for two minutes.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

const HTTP_PORT: u16 = 80;

/// "Too many open files" on Linux, the BSDs and macOS alike.
const EMFILE: i32 = 24;

#[derive(Debug, Clone)]
pub(super) struct Server {
    host: String,
    port: u16,
    pub(super) host_header: HeaderValue,
    pub(super) create_path: Uri,
}

impl FromStr for Server {
    type Err = anyhow::Error;

    fn from_str(url: &str) -> anyhow::Result<Self> {
        let uri: Uri = url.trim_end_matches('/').parse()?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => bail!("https is not supported: name the node's http address"),
            Some(_) | None => bail!("it does not begin with http://"),
        }
        let authority = uri.authority().context("it names no host")?;
        ensure!(!authority.as_str().contains('@'), "credentials in the URL are not supported");
        ensure!(uri.query().is_none(), "it has a query, to which no path can be added");
        Ok(Self {
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(HTTP_PORT),
            host_header: authority.as_str().parse()?,
            create_path: format!("{}/timer", uri.path().trim_end_matches('/')).parse()?,
        })
    }
}

impl Server {
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

    fn parsed(url: &str) -> (String, u16, String) {
        let server: Server = url.parse().unwrap();
        (server.host, server.port, server.create_path.to_string())
    }

    #[test]
    fn a_server_is_a_host_a_port_and_perhaps_a_path_before_timer() {
        assert_eq!(parsed("http://127.0.0.1:8000"), ("127.0.0.1".to_owned(), 8000, "/timer".to_owned()));
        assert_eq!(parsed("http://node/"), ("node".to_owned(), 80, "/timer".to_owned()));
        assert_eq!(parsed("http://[::1]:9/base/"), ("::1".to_owned(), 9, "/base/timer".to_owned()));
    }

    #[test]
    fn what_is_not_plain_http_is_refused() {
        for url in ["https://node", "node:8000", "ftp://node", "http://user@node", "http://node/?a=b", ""] {
            assert!(url.parse::<Server>().is_err(), "{url} was let through");
        }
    }
}
