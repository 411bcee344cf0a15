//! Chooses the server to try next when a connection is lost.
//!
//! A silent server still takes connections if only its process hangs, and each try costs seconds. So the client tries the others
//! before the lost one, and servers from the settings before ones that a server announced, whose addresses may not be reachable
//! from here.

use std::sync::{Mutex, PoisonError};

use async_nats::{Server, ServerAddr};
use uuid::Uuid;

#[derive(Default)]
pub(super) struct NextServer {
    /// The server that was chosen last.
    last: Mutex<Option<ServerAddr>>,
}

impl NextServer {
    /// The next of these servers; `None` before the first connection, for which the client tries all in turn.
    pub(super) fn of(&self, servers: &[Server]) -> Option<ServerAddr> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let connected = servers.iter().find(|server| server.did_connect)?;
        let lost = last.as_ref().unwrap_or(&connected.addr);
        // The random last part spreads nodes over equally good servers.
        let rank = |server: &&Server| {
            (server.failed_attempts, server.is_discovered, server.addr == *lost, Uuid::new_v4())
        };
        let next = servers.iter().min_by_key(rank)?.addr.clone();
        *last = Some(next.clone());
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, failed_attempts: usize, did_connect: bool) -> Server {
        let addr = format!("nats://{host}").parse().unwrap();
        Server { addr, failed_attempts, did_connect, is_discovered: false, last_error: None }
    }

    fn next(next: &NextServer, servers: &[Server]) -> Option<String> {
        next.of(servers).map(|addr| addr.host().to_owned())
    }

    #[test]
    fn all_are_tried_in_turn_before_the_first_connection() {
        assert_eq!(next(&NextServer::default(), &[server("a", 0, false), server("b", 1, false)]), None);
    }

    #[test]
    fn others_come_before_the_one_that_was_lost() {
        for _ in 0..20 {
            let choice = NextServer::default();
            let first = next(&choice, &[server("a", 0, true), server("b", 0, false)]);
            assert_eq!(first.as_deref(), Some("b"));
            // It was connected to b meanwhile, and lost it.
            let second = next(&choice, &[server("a", 0, true), server("b", 0, true)]);
            assert_eq!(second.as_deref(), Some("a"));
        }
    }

    #[test]
    fn those_that_were_named_come_before_those_that_were_told_of_and_what_failed_comes_last() {
        let told = Server { is_discovered: true, ..server("b", 0, false) };
        let choice = NextServer::default();
        assert_eq!(next(&choice, &[server("a", 0, true), told.clone()]).as_deref(), Some("a"));
        assert_eq!(next(&choice, &[server("a", 1, true), told]).as_deref(), Some("b"));
    }
}
