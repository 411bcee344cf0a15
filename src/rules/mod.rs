//! The rules: what becomes of a timer, a receiver, a record or a node's clock, given what is known and the time.
//!
//! Pure: no I/O, no clock, no randomness, no JSON.

pub mod domain;
pub mod history;
pub mod index;
pub mod ledger;
pub mod policy;
pub mod presence;
pub mod turns;
