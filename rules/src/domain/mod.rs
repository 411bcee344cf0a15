//! The rules of a timer, and nothing else.
//!
//! Everything here is a value or a pure function of values. Time, chance and the names of claims come in as arguments, and the
//! work for the world comes out as data. There is no async, no I/O, no clock, no randomness and no JSON in this folder. `uuid`
//! and `url` are used as value types only.

pub mod attempt;
pub mod callbacks;
pub mod called;
pub mod change;
pub mod dns_name;
pub mod flow;
pub mod high_water;
pub mod host;
pub mod machine;
pub mod rate;
pub mod retry;
pub mod seen;
pub mod state_kind;
pub mod state_set;
pub mod statuses;
pub mod sweep;
pub mod target;
pub mod time;
pub mod timer;

#[cfg(test)]
mod machine_properties;
#[cfg(any(test, feature = "testing"))]
pub mod sample;
