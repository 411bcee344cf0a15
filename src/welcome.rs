//! What `jettimer dev` prints once it is ready: where it is, and one line to try.

use std::net::SocketAddr;

/// Prints the welcome to standard output.
#[expect(clippy::print_stdout, reason = "this is for the person at the terminal, not a log")]
pub(crate) fn print(address: SocketAddr) {
    println!(
        "\n  jettimer is ready at http://{address}\n\n  \
         Have a receiver on port 9000 (README.md has one in a line), then set a timer:\n\n    \
         curl http://{address}/timer -H 'Content-Type: application/json' \\\n      \
         -d '{{\"hours\": 0, \"minutes\": 0, \"seconds\": 5, \"url\": \"http://127.0.0.1:9000/hook\"}}'\n\n  \
         Ctrl-C stops it; timers that are set stay, and fire when it runs again.\n"
    );
}
