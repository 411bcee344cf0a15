//! The servers as storage: how much they may still store, and how much an acknowledged write survives.

pub(super) mod durability;
pub(super) mod grant;
pub(super) mod room;
mod servers;
