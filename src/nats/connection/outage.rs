//! Explains why there is no connection to NATS, and what to do.
//!
//! The log has the reason with the names of servers and files, once for each change. `/readyz` has it without them, since any
//! client may ask.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::Server;
use tokio::time::Instant;

use super::credentials::Credentials;

/// How often the log repeats a reason that does not change.
const REPEAT_EVERY: Duration = Duration::from_secs(60);

/// The cause of a failed try to connect.
#[derive(Debug, PartialEq, Eq)]
enum Cause {
    /// The server refuses the user.
    User(String),
    /// The file of the credentials cannot be used.
    File(String),
    /// TLS fails, on either side.
    Tls(String),
    /// The server is away, or the network is.
    Network,
}

/// The reason why this node is not connected, as far as it is known.
pub(super) struct Outage {
    advice: &'static str,
    file: Option<PathBuf>,
    known: Mutex<OutageState>,
}

#[derive(Default)]
struct OutageState {
    reason: Option<String>,
    logged: String,
    logged_at: Option<Instant>,
}

impl Outage {
    /// Starts without an outage, for a node with these credentials.
    pub(super) fn new(credentials: &Credentials) -> Self {
        Self { advice: credentials.advice(), file: credentials.file().cloned(), known: Mutex::default() }
    }

    /// The reason for the outage, without names of servers and files; `None` if the servers are just away.
    pub(super) fn reason(&self) -> Option<String> {
        self.lock().reason.clone()
    }

    /// Notes that a connection was made.
    pub(super) fn over(&self) {
        *self.lock() = OutageState::default();
    }

    /// Notes the server's reason why it is about to end the connection.
    pub(super) fn told(&self, by_server: &str) {
        self.note(by_server, by_server);
    }

    /// Looks at the result of the last try to connect to each of these servers.
    pub(super) fn tried(&self, servers: &[Server]) {
        let failed = servers.iter().filter(|server| server.failed_attempts > 0);
        let errors: Vec<(String, &str)> = failed
            .filter_map(|server| {
                let address = format!("{}:{}", server.addr.host(), server.addr.port());
                Some((address, server.last_error.as_deref()?))
            })
            .collect();
        if errors.is_empty() {
            return;
        }
        // A server that answers and refuses says more than one that is away.
        let telling = errors.iter().map(|(_, error)| *error).find(|error| cause_of(error) != Cause::Network);
        let all: Vec<String> = errors.iter().map(|(address, error)| format!("{address}: {error}")).collect();
        self.note(telling.unwrap_or_default(), &all.join("; "));
    }

    /// The explanation of a failed try of a starting node.
    pub(super) fn explained(&self, error: &str) -> String {
        self.in_words(cause_of(error)).unwrap_or_else(|| error.to_owned())
    }

    fn note(&self, error: &str, in_full: &str) {
        let reason = self.in_words(cause_of(error));
        let mut known = self.lock();
        let is_old = known.logged_at.is_some_and(|at| at.elapsed() < REPEAT_EVERY);
        if !(is_old && known.logged == in_full) {
            let file = self.file.as_ref().map(|path| path.display().to_string());
            match &reason {
                Some(reason) => tracing::warn!(file, error = in_full, "no connection to NATS: {reason}"),
                None => tracing::info!(error = in_full, "NATS cannot be reached yet"),
            }
            in_full.clone_into(&mut known.logged);
            known.logged_at = Some(Instant::now());
        }
        // A server that is away does not refute the reason that another one gave.
        known.reason = reason.or(known.reason.take());
    }

    fn in_words(&self, cause: Cause) -> Option<String> {
        let advice = self.advice;
        match cause {
            Cause::User(text) => Some(format!("NATS refuses the user of this node ({text}): {advice}")),
            Cause::File(text) => Some(format!("{text}. It is read again at each try")),
            Cause::Tls(text) => Some(format!(
                "TLS fails ({text}). The files of --nats-ca, --nats-cert and --nats-key are read again at each try"
            )),
            Cause::Network => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, OutageState> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a message of the server says that it no longer accepts this node's user.
pub(super) fn is_about_the_user(message: &str) -> bool {
    matches!(cause_of(message), Cause::User(_))
}

/// The cause behind an error of the client library or a message of the server.
fn cause_of(error: &str) -> Cause {
    const USER: [&str; 5] = [
        "authorization violation",
        "authentication expired",
        "authentication revoked",
        "authentication timeout",
        "account authentication",
    ];
    // How the client library wraps an error of the callback for credentials.
    const CALLBACK: (&str, &str) = ("failed signing nonce: AuthError(", ")");
    let lower = error.to_lowercase();
    let by_callback = error.strip_prefix(CALLBACK.0).and_then(|text| text.strip_suffix(CALLBACK.1));
    if let Some(text) = by_callback {
        return Cause::File(text.to_owned());
    }
    if USER.iter().any(|words| lower.contains(words)) {
        let last = error.rsplit("nats: ").next().unwrap_or(error);
        return Cause::User(last.to_lowercase());
    }
    if lower.starts_with("tls error") || lower.contains("certificate") || lower.contains("fatal alert") {
        let text = error.split_once(": ").map_or(error, |(_, text)| text);
        // The rest of the text names the server, and the names in its certificate.
        let text = if lower.contains("not valid for name") {
            "the server's certificate is for another name"
        } else {
            text
        };
        return Cause::Tls(text.to_owned());
    }
    Cause::Network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, error: &str) -> Server {
        Server {
            addr: format!("nats://{host}").parse().unwrap(),
            failed_attempts: 1,
            did_connect: true,
            is_discovered: false,
            last_error: Some(error.to_owned()),
        }
    }

    #[test]
    fn a_cause_is_read_from_what_library_and_server_say() {
        let violation = "authorization violation: nats: authorization violation";
        assert_eq!(cause_of(violation), Cause::User("authorization violation".to_owned()));
        assert_eq!(
            cause_of("User Authentication Expired"),
            Cause::User("user authentication expired".to_owned())
        );
        let unreadable = "failed signing nonce: AuthError(the file of --nats-nkey cannot be read: gone)";
        assert_eq!(
            cause_of(unreadable),
            Cause::File("the file of --nats-nkey cannot be read: gone".to_owned())
        );
        let untrusted = "IO error: invalid peer certificate: UnknownIssuer";
        assert_eq!(cause_of(untrusted), Cause::Tls("invalid peer certificate: UnknownIssuer".to_owned()));
        let renamed = "IO error: invalid peer certificate: certificate not valid for name \"nats-1\"; certificate is only …";
        assert_eq!(cause_of(renamed), Cause::Tls("the server's certificate is for another name".to_owned()));
        for away in ["IO error: Connection refused (os error 111)", "timed out", "DNS error: no such host"] {
            assert_eq!(cause_of(away), Cause::Network, "{away}");
        }
    }

    #[test]
    fn a_reason_names_no_server_and_no_file_and_goes_with_the_outage() {
        let outage = Outage::new(&Credentials::Nkey("/etc/secret/user.nk".into()));
        outage.tried(&[server("nats-1", "timed out")]);
        assert_eq!(outage.reason(), None);
        outage.tried(&[server("nats-1", "timed out"), server("nats-2", "authorization violation")]);
        let reason = outage.reason().unwrap();
        assert!(reason.contains("refuses") && reason.contains("--nats-nkey"), "{reason}");
        assert!(!reason.contains("nats-2") && !reason.contains("/etc"), "{reason}");
        outage.tried(&[server("nats-2", "IO error: Connection refused (os error 111)")]);
        assert_eq!(outage.reason(), Some(reason));
        outage.over();
        assert_eq!(outage.reason(), None);
    }
}
