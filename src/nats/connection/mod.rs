//! The connection to NATS: makes and keeps it, sends requests with a deadline, and explains an outage.

pub(super) mod access;
pub(super) mod connect;
mod credentials;
pub(super) mod link;
mod next_server;
mod outage;
mod storing;
mod tally;
pub(super) mod version;
