//! Why a name has no address, in one short cause each.

use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;

use crate::webhook::failure::cause;

pub(super) const NO_ADDRESS: &str = "the host has no address";

/// The most telling cause among the errors for both kinds of addresses.
pub(super) fn why<'e>(errors: impl Iterator<Item = &'e NetError> + Clone) -> String {
    let failed = |error: &&NetError| !error.is_no_records_found();
    let telling = errors.clone().find(|error| error.is_nx_domain()).or_else(|| errors.clone().find(failed));
    telling.map_or_else(|| NO_ADDRESS.to_owned(), of_error)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may add errors, and all others are errors in what a server wrote"
)]
fn of_error(error: &NetError) -> String {
    match error {
        error if error.is_nx_domain() => "no such host".to_owned(),
        NetError::Timeout | NetError::NoConnections => "no answer from DNS".to_owned(),
        NetError::Io(error) => format!("no answer from DNS: {}", cause(error)),
        NetError::Busy => "too many DNS queries are in progress".to_owned(),
        NetError::Truncated => {
            "the DNS server's answer is cut off, and it sends no complete one over TCP".to_owned()
        }
        NetError::Dns(DnsError::ResponseCode(code)) => format!("the DNS server answered {}", named(*code)),
        _ => "the DNS server's answer cannot be read".to_owned(),
    }
}

/// The code as tools show it (RFC 1035, 4.1.1).
#[expect(clippy::wildcard_enum_match_arm, reason = "the others are rare, and have a number")]
fn named(code: ResponseCode) -> String {
    match code {
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::NotAuth => "NOTAUTH".to_owned(),
        other => format!("with code {}", u16::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn each_error_has_a_short_cause() {
        for (errors, cause) in [
            (vec![], NO_ADDRESS),
            (vec![NetError::Timeout], "no answer from DNS"),
            (
                vec![NetError::from(io::Error::from(io::ErrorKind::ConnectionRefused))],
                "no answer from DNS: connection refused",
            ),
            (
                vec![NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail))],
                "the DNS server answered SERVFAIL",
            ),
            (
                vec![NetError::Dns(DnsError::ResponseCode(ResponseCode::YXDomain))],
                "the DNS server answered with code 6",
            ),
            (
                vec![NetError::Msg("label points to data not prior to idx".to_owned())],
                "the DNS server's answer cannot be read",
            ),
        ] {
            assert_eq!(why(errors.iter()), cause, "{errors:?}");
        }
    }
}
