//! Waits until a started nats-server takes clients, and learns its port.
//!
//! nats-server opens its listener and then writes the ports file only after JetStream has recovered its store, so a ports file
//! and a greeting are enough. The NATS client finds out whether JetStream answers.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::error::Error;
use super::process::Process;

/// How long a start may take, in seconds: an empty store takes a fraction of a second, but after a crash nats-server reads
/// through a large one.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(30);

/// Milliseconds between two looks at the ports file.
const STEP: Duration = Duration::from_millis(20);

/// The beginning of the line with which nats-server greets each connection.
const GREETING: &[u8; 5] = b"INFO ";

/// The port on which nats-server greets. If nats-server ends or takes too long, the error has the end of its log.
pub(super) async fn port(process: &mut Process, ports_dir: &Path) -> Result<u16, Error> {
    let pid = process.pid();
    tokio::select! {
        status = process.exited() => {
            let status = status?;
            let log = process.log();
            Err(Error::Ended { status, log: log.path().to_owned(), complaints: log.complaints() })
        }
        answer = timeout(READY_WITHIN, greeted_port(ports_dir, pid)) => answer.map_err(|_elapsed| {
            let log = process.log();
            Error::NotReady { waited: READY_WITHIN, log: log.path().to_owned(), complaints: log.complaints() }
        }),
    }
}

async fn greeted_port(ports_dir: &Path, pid: u32) -> u16 {
    loop {
        if let Some(port) = written_port(ports_dir, pid).await
            && greets(port).await.unwrap_or(false)
        {
            return port;
        }
        sleep(STEP).await;
    }
}

/// Reads `<program>_<pid>.ports`. The directory is searched because the program may have any name.
async fn written_port(ports_dir: &Path, pid: u32) -> Option<u16> {
    let suffix = format!("_{pid}.ports");
    let mut entries = tokio::fs::read_dir(ports_dir).await.ok()?;
    while let Some(entry) = entries.next_entry().await.ok()? {
        if entry.file_name().to_string_lossy().ends_with(&suffix) {
            return parse_port(&tokio::fs::read_to_string(entry.path()).await.ok()?);
        }
    }
    None
}

/// The port in `{"nats":["nats://127.0.0.1:4222"]}`, or with `tls` before it. There is one listener and so one URL. It is read only
/// up to its closing quote, so that a file that is still being written gives no port.
fn parse_port(json: &str) -> Option<u16> {
    let (_before, rest) = json.split_once("://127.0.0.1:")?;
    let (port, _after) = rest.split_once('"')?;
    port.parse().ok()
}

async fn greets(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).await?;
    let mut start = [0; GREETING.len()];
    stream.read_exact(&mut start).await?;
    Ok(&start == GREETING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_a_complete_ports_file_only() {
        assert_eq!(parse_port(r#"{"nats":["nats://127.0.0.1:40123"]}"#), Some(40123));
        assert_eq!(parse_port(r#"{"nats":["tls://127.0.0.1:40123"]}"#), Some(40123));
        assert_eq!(parse_port(r#"{"nats":["nats://127.0.0.1:401"#), None);
        assert_eq!(parse_port(r#"{"nats":["nats://127.0.0.1:99999"]}"#), None);
        assert_eq!(parse_port(""), None);
    }

    #[tokio::test]
    async fn the_ports_file_of_another_process_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("nats-server_77.ports"), r#"{"nats":["nats://127.0.0.1:4222"]}"#)
            .unwrap();

        assert_eq!(written_port(dir.path(), 77).await, Some(4222));
        assert_eq!(written_port(dir.path(), 7).await, None);
    }
}
