//! Makes the connection: addresses, credentials, TLS, and how long to keep trying.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use async_nats::{
    AuthError, Client, ConnectOptions, Event, ReconnectToServer, ServerAddr, ServerError, ServerInfo,
};
use tokio::sync::watch;
use tokio::time::timeout;

use super::access::Access;
use super::credentials::Credentials;
use super::link::Link;
use super::next_server::NextServer;
use super::outage::{Outage, is_about_the_user};
use super::version::{MIN_SERVER, is_new_enough};
use crate::foundation::metrics::Metrics;
use crate::nats::api::advice::NOT_HERE;
use crate::nats::api::subject;
use crate::nats::names::{BUCKET_STREAM, INBOX_PREFIX};
use crate::nats::sizes::MIN_PAYLOAD;
use rules::backoff::Backoff;

/// After this time without a message the client sends a PING, and another one after the same time. After the third span without an
/// answer the client gives the connection up: a firewall has forgotten it, or the server's machine is gone. A slow server still
/// answers a PING at once, since its disk is not involved.
const PING_EVERY: Duration = Duration::from_secs(2);

/// How long making a connection may take, TLS and credentials included. It takes four round trips to a server, and this is more
/// than they take to any server that this node can work with.
const CONNECT_WITHIN: Duration = Duration::from_secs(4);

/// How long a server without JetStream may take to pass a request on to a server with it.
const JETSTREAM_WITHIN: Duration = Duration::from_secs(2);

/// The pauses between tries of a starting node.
const CONNECT_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };

/// The pauses between tries to reconnect.
const RECONNECT_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(20), longest: Duration::from_secs(1) };

/// Connects, tries again for [`Access::wait`], and checks that the server is new enough and has JetStream. Once made, the
/// connection re-establishes itself for ever.
///
/// # Errors
///
/// The problem, and what to do about it.
pub async fn connect(access: &Access, metrics: &Arc<Metrics>) -> Result<Link> {
    let list = access.servers.iter().map(redacted).collect::<Vec<_>>().join(", ");
    let started = tokio::time::Instant::now();
    let mut failures = 0;
    let credentials = Credentials::of(access);
    // At the start, a file that cannot be used is a mistake; later, it may be in the middle of being replaced.
    if let Err(error) = credentials.prove(b"") {
        let path = credentials.file().map(|path| path.display().to_string()).unwrap_or_default();
        bail!("{error} ({path})");
    }
    let outage = Arc::new(Outage::new(&credentials));
    let (client, connects) = loop {
        let (count, connects) = watch::channel(0);
        let options = options(access, &credentials, count, &outage, metrics.clone())?;
        let error = match options.connect(access.servers.clone()).await {
            Ok(client) => break (client, connects),
            Err(error) => outage.explained(&error.to_string()),
        };
        if started.elapsed() >= access.wait {
            bail!(
                "cannot connect to NATS at {list} after {:?}: {error}. Is a nats-server running there, and \
                 are the credentials right? (--nats, --nats-creds, --nats-nkey, --nats-ca)",
                access.wait
            );
        }
        tracing::info!(servers = %list, %error, "cannot connect to NATS yet; trying again");
        tokio::time::sleep(CONNECT_BACKOFF.after(failures)).await;
        failures += 1;
    };

    let info = client.server_info();
    if !is_new_enough(&info.version) {
        let (major, minor, patch) = MIN_SERVER;
        bail!(
            "nats-server {} at {list} is too old: upgrade it to {major}.{minor}.{patch} or newer. Older ones lose or double \
             timers, or stop taking them until they are restarted",
            info.version
        );
    }
    if is_without_jetstream(&info) && !has_jetstream(&client).await {
        bail!("nats-server {} at {list}: {NOT_HERE}", info.version);
    }
    if info.max_payload < MIN_PAYLOAD {
        bail!(
            "nats-server at {list} takes messages of at most {} bytes. jettimer needs {MIN_PAYLOAD}, so that a timer's record has room for \
             all its attempts: raise max_payload in its configuration; its default is 1 MB",
            info.max_payload
        );
    }
    Ok(Link::new(client, connects, outage, metrics.clone(), access.clock))
}

/// Whether this server has no JetStream and is in no cluster. In a cluster, a server without JetStream, or with its JetStream off
/// since its disk is full, passes requests on to the others; only a request shows whether one of them answers.
fn is_without_jetstream(info: &ServerInfo) -> bool {
    !info.jetstream && info.cluster.is_none()
}

/// Whether this server passes requests on to the JetStream of another, as a leaf node of servers without a domain does.
async fn has_jetstream(client: &Client) -> bool {
    let asked = client.request(subject::stream_info(BUCKET_STREAM), "".into());
    // An error about the stream is an answer, too.
    matches!(timeout(JETSTREAM_WITHIN, asked).await, Ok(Ok(_)))
}

fn options(
    access: &Access,
    credentials: &Credentials,
    count: watch::Sender<u64>,
    outage: &Arc<Outage>,
    metrics: Arc<Metrics>,
) -> Result<ConnectOptions> {
    let next = NextServer::default();
    let (tried, noted) = (outage.clone(), outage.clone());
    let mut options = authenticated(credentials)
        .name(&access.name)
        .custom_inbox_prefix(INBOX_PREFIX)
        .ping_interval(PING_EVERY)
        .connection_timeout(CONNECT_WITHIN)
        .max_reconnects(None)
        .reconnect_delay_callback(|attempt| {
            RECONNECT_BACKOFF.after(u32::try_from(attempt).unwrap_or(u32::MAX))
        })
        .reconnect_to_server_callback(move |servers, _| {
            tried.tried(&servers);
            std::future::ready(next.of(&servers).map(|addr| ReconnectToServer { addr, delay: None }))
        })
        .event_callback(move |event| {
            note(&event, &count, &noted, &metrics);
            std::future::ready(())
        });
    // The client reads these files at each connection.
    if let Some(path) = &access.ca {
        options = options.add_root_certificates(path.clone());
    }
    match (&access.cert, &access.key) {
        (Some(cert), Some(key)) => options = options.add_client_certificate(cert.clone(), key.clone()),
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => bail!("--nats-cert and --nats-key go together"),
    }
    Ok(options)
}

/// Options with credentials that are read at each connection.
fn authenticated(credentials: &Credentials) -> ConnectOptions {
    if matches!(credentials, Credentials::None) {
        return ConnectOptions::new();
    }
    let credentials = credentials.clone();
    ConnectOptions::with_auth_callback(move |nonce| {
        let credentials = credentials.clone();
        let proof = tokio::task::spawn_blocking(move || credentials.prove(&nonce));
        async move {
            match proof.await {
                Ok(proof) => proof.map_err(AuthError::new),
                Err(error) => Err(AuthError::new(error)),
            }
        }
    })
}

fn note(event: &Event, count: &watch::Sender<u64>, outage: &Outage, metrics: &Metrics) {
    match event {
        Event::Connected => {
            outage.over();
            count.send_modify(|count| *count += 1);
            metrics.nats.connects.inc();
            tracing::info!("connected to NATS");
        }
        Event::Disconnected => tracing::warn!("the connection to NATS is lost; reconnecting"),
        Event::LameDuckMode => tracing::info!("the NATS server is about to stop; moving to another"),
        Event::ServerError(ServerError::Other(text)) if is_about_the_user(text) => outage.told(text),
        Event::SlowConsumer(_) | Event::ServerError(_) => {
            tracing::warn!(%event, "the NATS client reports a problem")
        }
        // One event for each try to reconnect; `outage` says why it failed.
        Event::ClientError(_) | Event::Draining | Event::Closed => {
            tracing::debug!(%event, "the NATS client reports an event")
        }
    }
}

/// The address without credentials.
fn redacted(server: &ServerAddr) -> String {
    format!("{}:{}", server.host(), server.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_a_cluster_may_have_its_jetstream_off_and_a_single_one_may_not() {
        let server = |jetstream, cluster: Option<&str>| ServerInfo {
            jetstream,
            cluster: cluster.map(str::to_owned),
            ..ServerInfo::default()
        };
        assert!(is_without_jetstream(&server(false, None)));
        assert!(!is_without_jetstream(&server(false, Some("jettimer"))));
        assert!(!is_without_jetstream(&server(true, None)));
    }
}
