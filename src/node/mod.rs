//! The loops of a node, and what they share: they fire timers, repair lost wakes, follow the records, and hear of other nodes.

pub mod alarm;
pub mod dispatch;
pub mod durability;
pub mod engine;
pub mod finder;
pub mod guard;
pub mod heartbeat;
pub mod journal;
pub mod places;
pub mod receivers;
pub mod room;
pub mod sweep;
