//! The rules: they decide about timers, receivers, records and the clocks of nodes, given the facts and the time.
//!
//! Pure: no I/O, no clock, no randomness, no JSON. The time comes in as an argument. This crate depends on no runtime, no network
//! and no format.

pub mod backoff;
pub mod domain;
pub mod durability;
pub mod history;
pub mod index;
pub mod ledger;
pub mod places;
pub mod policy;
pub mod presence;
pub mod receivers;
pub mod room;
pub mod turns;
