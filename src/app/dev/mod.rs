//! The steps that only `jettimer dev` takes before it is a node like any other.

mod secret;
mod time_scale;

pub use secret::sign;
pub use time_scale::{clock, refuse_scaled};
