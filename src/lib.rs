//! jettimer, a webhook timer service native to NATS JetStream.
//!
//! README.md says how to use it, ARCHITECTURE.md how it is built and why. The library exists for the
//! executable and its tests; it is not a public interface.
//!
//! The modules are rooms, in the order of the data's way: a room may import only rooms that come before it here.

pub mod foundation;

pub mod nats;
pub mod webhook;

pub mod node;

pub mod api;

pub mod app;

pub mod commands;

#[cfg(any(test, fuzzing))]
pub mod fuzzing;
