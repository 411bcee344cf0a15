//! The state of NATS, for probes, metrics and people who look: whether it does its part, and what waits in it.

mod allowed;
pub(super) mod backlog;
mod fresh;
pub(super) mod readiness;
pub(super) mod server_clock;
pub(super) mod streams;
