//! The text that `jettimer dev` prints once it is ready: its address, and one line to try.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::foundation::clock::{Clock, TimeScale};
use crate::foundation::rfc3339;

/// Prints the welcome to standard output. A failure is ignored: without a reader there is no one to welcome.
pub(crate) fn print(address: SocketAddr, is_open: bool, secret_file: Option<&Path>, clock: Clock) {
    let _ = writeln!(std::io::stdout(), "{}", text(address, is_open, secret_file, clock));
}

/// Prints the names of the files that were removed for a fresh start.
pub(crate) fn removed(data_dir: &Path, what: &[PathBuf]) {
    let names: Vec<_> =
        what.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy()).collect();
    let said = match names.as_slice() {
        [] => format!("There was nothing to remove in {}.", data_dir.display()),
        names => format!("Removed from {}: {}.", data_dir.display(), names.join(", ")),
    };
    let _ = writeln!(std::io::stdout(), "\n  {said}");
}

fn text(address: SocketAddr, is_open: bool, secret_file: Option<&Path>, clock: Clock) -> String {
    let open = if is_open && !address.ip().to_canonical().is_loopback() {
        format!("  It requires no token: anyone who can reach {address} can make this machine call URLs.\n")
    } else {
        String::new()
    };
    let address = reachable(address);
    let signed = secret_file
        .map(|path| format!("  Webhooks are signed with the secret in {}.\n", path.display()))
        .unwrap_or_default();
    let scale = clock.scale();
    let fast = if scale == TimeScale::OF_THE_WORLD {
        String::new()
    } else {
        format!(
            "  Time passes {scale} times as fast: an hour takes {}. It is {} by its clock.\n",
            humantime::format_duration(scale.clock_to_world(Duration::from_secs(3_600))),
            rfc3339::format(clock.now())
        )
    };
    format!(
        "\n  jettimer is ready at http://{address}\n\n  \
         http://{address}/ is the page to set and watch timers.\n\n  \
         Set a timer that calls the built-in inbox:\n\n    \
         curl http://{address}/timer -H 'Content-Type: application/json' \\\n      \
         -d '{{\"seconds\": 5, \"url\": \"http://{address}/dev/inbox\"}}'\n\n  \
         Five seconds later http://{address}/dev/inbox shows what was sent.\n  \
         http://{address}/docs shows the whole API, and lets you try it.\n\
         {open}{signed}{fast}  \
         Ctrl-C stops it; its timers stay, and fire when it runs again.\n"
    )
}

/// The address at which this machine reaches the node, and so the inbox may be called: the unspecified address is not one.
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
        let said = text("0.0.0.0:8000".parse().unwrap(), false, None, Clock::OF_THE_WORLD);
        assert!(said.contains("http://127.0.0.1:8000/dev/inbox") && !said.contains("0.0.0.0"), "{said}");
        let said = text("0.0.0.0:8000".parse().unwrap(), true, None, Clock::OF_THE_WORLD);
        assert!(said.contains("anyone who can reach 0.0.0.0:8000"), "{said}");
        let said =
            text("[::1]:80".parse().unwrap(), true, Some(Path::new("d/signing-secret")), Clock::OF_THE_WORLD);
        assert!(said.contains("http://[::1]:80/") && said.contains("d/signing-secret"), "{said}");
        assert!(!said.contains("anyone"), "{said}");
    }
}
