//! `jettimer healthcheck`: asks a node over plain HTTP, so that an image needs no curl.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use url::Url;

use crate::config::Healthcheck;

/// Health checks of orchestrators time out after seconds; so does this.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks what the command line says.
///
/// # Errors
///
/// If the answer is not a 2xx, or there is none.
pub fn run(args: &Healthcheck) -> Result<()> {
    let fallback = format!("http://127.0.0.1:{}/healthz", args.listen.port());
    let text = args.url.as_deref().unwrap_or(&fallback);
    let url = Url::parse(text).with_context(|| format!("{text} is not a URL"))?;
    if url.scheme() != "http" {
        bail!("{text}: only http:// can be asked");
    }
    let host = url.host_str().with_context(|| format!("{text} names no host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let address = (host.trim_matches(['[', ']']), port)
        .to_socket_addrs()
        .with_context(|| format!("cannot find {host}"))?
        .next()
        .with_context(|| format!("{host} has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)
        .with_context(|| format!("nothing listens at {address}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", url.path());
    stream.write_all(request.as_bytes()).context("cannot send the request")?;
    let mut answer = String::new();
    stream
        .take(4_096)
        .read_to_string(&mut answer)
        .with_context(|| format!("no answer within {TIMEOUT:?}"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        bail!("{text} answered {}", answer.lines().next().unwrap_or("nothing"));
    }
    Ok(())
}
