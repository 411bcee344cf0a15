//! What `jettimer dev` prints once it is ready: where it is, and one line to try.

use std::io::Write as _;
use std::net::SocketAddr;

/// Prints the welcome to standard output; if nobody reads that, there is nobody to welcome.
pub(crate) fn print(address: SocketAddr) {
    let welcome = format!(
        "\n  jettimer is ready at http://{address}\n\n  \
         http://{address}/ is the page to set and watch timers.\n\n  \
         Have a receiver on port 9000 (README.md has one in a line), then set a timer:\n\n    \
         curl http://{address}/timer -H 'Content-Type: application/json' \\\n      \
         -d '{{\"hours\": 0, \"minutes\": 0, \"seconds\": 5, \"url\": \"http://127.0.0.1:9000/hook\"}}'\n\n  \
         http://{address}/docs has all else that can be asked, and asks it.\n  \
         Ctrl-C stops it; timers that are set stay, and fire when it runs again.\n"
    );
    let _ = writeln!(std::io::stdout(), "{welcome}");
}
