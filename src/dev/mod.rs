//! What only `jettimer dev` does before it is a node like any other.

mod secret;

pub use secret::sign;
