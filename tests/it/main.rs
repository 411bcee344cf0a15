//! The promises of jettimer, each against a real nats-server, real processes and a real receiver.
//!
//! One binary, with one file per promise. Every test has its own nats-server, port and data.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking; clippy's own exception does not reach helper functions"
)]

mod support;

mod access;
mod address_policy;
mod ambiguous;
mod answers;
mod callbacks;
mod changes;
mod cli;
mod cli_access;
mod cli_import;
mod cli_terminal;
mod cli_watch;
mod clocks;
mod cluster_profile;
mod command_line;
mod connections;
mod contract;
mod cors;
mod departures;
mod dev;
mod doctor;
mod drains;
mod durability;
mod fairness;
mod feed;
mod feed_gaps;
mod feed_readers;
mod finished_timers;
mod fires;
mod founding;
mod full_disk;
mod guarded;
mod held_up;
mod hidden_urls;
mod http2;
mod idempotency;
mod invalid_requests;
mod journal;
mod ledger;
mod limits;
mod lists;
mod memory;
mod metrics;
mod mixed_races;
mod moves;
mod nats_connections;
mod nats_is_killed;
mod nats_permissions;
mod nodes;
mod openapi;
mod outage;
mod overload;
mod page;
mod races;
mod reaching;
mod readme;
mod receiver_examples;
mod receivers;
mod receivers_tls;
mod restart;
mod restored_lists;
mod retries;
mod rolling_upgrade;
mod scale;
mod security_doc;
mod signatures;
mod stats;
mod storage_limit;
mod sweep_streams;
mod sweep_timers;
#[cfg(target_os = "linux")]
mod tasks;
mod tidy;
mod topology;
mod worker_is_killed;
