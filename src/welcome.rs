//! What `jettimer dev` prints once it is ready: where it is, and one line to try.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Prints the welcome to standard output; if nobody reads that, there is nobody to welcome.
pub(crate) fn print(address: SocketAddr, secret_file: Option<&Path>) {
    let _ = writeln!(std::io::stdout(), "{}", text(address, secret_file));
}

fn text(address: SocketAddr, secret_file: Option<&Path>) -> String {
    let address = reachable(address);
    let signed = secret_file
        .map(|path| format!("  Webhooks are signed with the secret in {}.\n", path.display()))
        .unwrap_or_default();
    format!(
        "\n  jettimer is ready at http://{address}\n\n  \
         http://{address}/ is the page to set and watch timers.\n\n  \
         Set a timer that calls the inbox which is built in:\n\n    \
         curl http://{address}/timer -H 'Content-Type: application/json' \\\n      \
         -d '{{\"seconds\": 5, \"url\": \"http://{address}/dev/inbox\"}}'\n\n  \
         Five seconds later http://{address}/dev/inbox shows what was sent.\n  \
         http://{address}/docs has all else that can be asked, and asks it.\n\
         {signed}  \
         Ctrl-C stops it; timers that are set stay, and fire when it runs again.\n"
    )
}

/// Where this machine reaches it, which is where the inbox may be called: every address of its own is none.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_to_try_is_where_it_can_be_reached() {
        let said = text("0.0.0.0:8000".parse().unwrap(), None);
        assert!(said.contains("http://127.0.0.1:8000/dev/inbox") && !said.contains("0.0.0.0"), "{said}");
        let said = text("[::]:80".parse().unwrap(), Some(Path::new("d/signing-secret")));
        assert!(said.contains("http://[::1]:80/") && said.contains("d/signing-secret"), "{said}");
    }
}
