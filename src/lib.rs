//! jettimer, a webhook timer service native to NATS JetStream.
//!
//! README.md says how to use it, ARCHITECTURE.md how it is built and why. The library exists for the
//! executable and its tests; it is not a public interface.

pub mod access;
pub mod alarm;
pub mod api;
pub mod app;
pub mod bench;
pub mod callback;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod descriptors;
pub mod dev;
pub mod dispatch;
pub mod doctor;
pub mod domain;
pub mod durability;
pub mod duration;
pub mod embedded;
pub mod engine;
pub mod finder;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod guard;
pub mod healthcheck;
pub mod heartbeat;
pub mod history;
pub mod inbox;
pub mod index;
pub mod journal;
pub mod ledger;
pub mod metrics;
pub mod nats;
pub mod places;
pub mod policy;
pub mod presence;
pub mod receivers;
pub mod repeated;
pub mod rfc3339;
pub mod room;
pub mod shutdown;
pub mod sweep;
pub mod tasks;
pub mod telemetry;
pub mod text_file;
pub mod timer_json;
pub mod turns;
pub mod ui;
pub mod webhook;
mod welcome;
