//! The executable's commands other than running a node: a client of the API, measurements, and checks.

pub mod bench;
pub mod cli;
pub mod client;
pub mod doctor;
pub mod healthcheck;
pub mod options;
