//! Why a call has no answer, in one short cause each, and whether anything of the request can have left.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::time::Duration;

use rustix::io::Errno;
use rustls::{AlertDescription, CertificateError, Error as Tls};

use crate::foundation::rfc3339;
use rules::domain::attempt::CallResult;
use rules::domain::time::Timestamp;
use rules::policy::Forbidden;

/// The longest text of a cause that is kept, in bytes; it is part of the stored record.
const MAX_REASON_BYTES: usize = 512;

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nothing of the request can have reached the receiver.
    #[error("{0}")]
    NotSent(String),
    /// The same, but not because of the receiver: this node or its machine had no means to make a connection.
    #[error("{0}")]
    Here(String),
    /// The same, since the connection that the request was meant for was gone: the request may go on another one.
    #[error("{0}")]
    Gone(String),
    /// The receiver may have the request.
    #[error("{0}")]
    NoAnswer(String),
    /// The policy forbids the target.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
}

impl From<Failure> for CallResult {
    fn from(failure: Failure) -> Self {
        let reason = shortened(failure.to_string());
        match failure {
            Failure::NotSent(_) | Failure::Here(_) | Failure::Gone(_) => Self::NotSent { reason },
            Failure::NoAnswer(_) => Self::NoAnswer { reason },
            Failure::Forbidden(_) => Self::Forbidden { reason },
        }
    }
}

/// A time limit, as people write it: `2 s`, `300 ms`.
pub(super) struct Within(pub(super) Duration);

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            millis if millis.is_multiple_of(1_000) => write!(f, "{} s", millis / 1_000),
            millis => write!(f, "{millis} ms"),
        }
    }
}

/// The cause of an error while connecting, shaking hands, writing or reading.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may add errors, and each has a text of its own"
)]
pub(super) fn cause(error: &io::Error) -> String {
    if let Some(tls) = tls(error) {
        return format!("TLS: {}", of_tls(tls));
    }
    if let Some(lack) = of_this_node(error) {
        return lack.to_owned();
    }
    let text = match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "connection reset",
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionAborted => "connection closed",
        ErrorKind::TimedOut => "the network path no longer responds",
        ErrorKind::HostUnreachable => "no route to the host",
        ErrorKind::NetworkUnreachable => "no route to the network",
        ErrorKind::AddrNotAvailable => "no address to connect to",
        _ => return error.to_string(),
    };
    text.to_owned()
}

/// Why this node or its machine had no means to make a connection, if that is the cause.
pub(super) fn of_this_node(error: &io::Error) -> Option<&'static str> {
    let errno = Errno::from_io_error(error)?;
    let lack = |of: &[Errno]| of.contains(&errno);
    if lack(&[Errno::MFILE, Errno::NFILE]) {
        Some("this node may have no more files open: raise LimitNOFILE= or ulimit -n, or lower --max-calls")
    } else if lack(&[Errno::NOBUFS, Errno::NOMEM]) {
        Some("this node's machine has no memory for another connection")
    } else if lack(&[Errno::ADDRNOTAVAIL]) {
        Some("this node has no free local port or no address of this kind")
    } else {
        None
    }
}

/// The error of TLS, if this is one.
pub(super) fn tls(error: &io::Error) -> Option<&Tls> {
    error.get_ref()?.downcast_ref()
}

/// Whether the receiver refuses the handshake with this alert, so that it has not looked at a request. With TLS 1.3 it may do so after the
/// client's side of the handshake is complete (RFC 8446, 4.4.2.4 and 4.6.2).
pub(super) fn refuses_handshake(error: &io::Error) -> bool {
    use AlertDescription as Alert;
    let Some(Tls::AlertReceived(alert)) = tls(error) else { return false };
    matches!(
        alert,
        Alert::HandshakeFailure
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::IllegalParameter
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecodeError
            | Alert::DecryptError
            | Alert::ProtocolVersion
            | Alert::InsufficientSecurity
            | Alert::MissingExtension
            | Alert::UnsupportedExtension
            | Alert::UnrecognisedName
            | Alert::BadCertificateStatusResponse
            | Alert::UnknownPSKIdentity
            | Alert::CertificateRequired
            | Alert::NoApplicationProtocol
    )
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may add errors, and each has a text of its own"
)]
fn of_tls(error: &Tls) -> String {
    match error {
        Tls::InvalidCertificate(why) => of_certificate(why),
        Tls::AlertReceived(alert) => format!("the receiver refused the handshake ({alert:?})"),
        Tls::InvalidMessage(_) => "the receiver does not speak TLS on this port".to_owned(),
        Tls::NoCertificatesPresented => "the receiver presented no certificate".to_owned(),
        other => other.to_string(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may add errors, and each has a text of its own"
)]
fn of_certificate(why: &CertificateError) -> String {
    let day = |at: rustls::pki_types::UnixTime| {
        let at = Timestamp::from_micros(at.as_secs().saturating_mul(1_000_000));
        rfc3339::format(at).chars().take(10).collect::<String>()
    };
    match why {
        CertificateError::Expired => "certificate expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("certificate expired on {}", day(*not_after))
        }
        CertificateError::NotValidYet => "certificate not valid yet".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("certificate not valid before {}", day(*not_before))
        }
        CertificateError::UnknownIssuer => {
            "certificate from an unknown authority (--target-ca names others to trust)".to_owned()
        }
        CertificateError::NotValidForName => "certificate is for another name".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<String> = presented.iter().filter_map(|name| named(name)).collect();
            match names.as_slice() {
                [] => "certificate is for another name".to_owned(),
                names => format!("certificate is for another name ({})", names.join(", ")),
            }
        }
        CertificateError::Revoked => "certificate revoked".to_owned(),
        CertificateError::BadEncoding => "certificate is malformed".to_owned(),
        CertificateError::BadSignature => "certificate has a wrong signature".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "certificate is not a server certificate".to_owned()
        }
        other => format!("certificate not accepted: {other}"),
    }
}

/// A name in a certificate as people write it: the library has it as `DnsName("example.com")` or `IpAddress(0::1)`. `None` for kinds that
/// no URL has, such as mail addresses.
fn named(presented: &str) -> Option<String> {
    let (kind, name) = presented.strip_suffix(')')?.split_once('(')?;
    let name = name.trim_matches('"');
    match kind {
        "IpAddress" => Some(name.parse::<IpAddr>().map_or_else(|_| name.to_owned(), |it| it.to_string())),
        "DnsName" | "UniformResourceIdentifier" => Some(name.to_owned()),
        _ => None,
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > MAX_REASON_BYTES {
        let end = (0..=MAX_REASON_BYTES).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_node_lacks_is_told_from_what_a_receiver_does() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL] {
            let error = io::Error::from(errno);
            assert!(of_this_node(&error).is_some_and(|lack| cause(&error) == lack), "{errno:?}");
        }
        for errno in [Errno::CONNREFUSED, Errno::TIMEDOUT, Errno::HOSTUNREACH, Errno::NETUNREACH] {
            assert_eq!(of_this_node(&io::Error::from(errno)), None, "{errno:?}");
        }
    }

    #[test]
    fn names_of_a_certificate_are_shown_as_people_write_them() {
        for (presented, shown) in [
            ("DnsName(\"*.example.com\")", Some("*.example.com")),
            ("IpAddress(192.0.2.1)", Some("192.0.2.1")),
            ("IpAddress(0::1)", Some("::1")),
            ("IpAddress(2001:db8::1)", Some("2001:db8::1")),
            ("UniformResourceIdentifier(\"spiffe://a/b(c)\")", Some("spiffe://a/b(c)")),
            ("Unsupported(0x81)", None),
            ("DirectoryName", None),
        ] {
            assert_eq!(named(presented).as_deref(), shown, "{presented}");
        }
    }
}
