//! A timer on the broker: its record, and the wakes that bring it to a worker.

pub(super) mod armed;
mod headroom;
pub(super) mod keeping;
pub(super) mod pull;
pub(super) mod record;
pub(super) mod scan;
pub(super) mod store;
pub(super) mod versions;
pub(super) mod wake_scan;
pub(super) mod wakes;
