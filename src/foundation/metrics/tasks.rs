//! Metrics of tasks that have failed.

use super::label::{Counters, label};
use super::names;
use super::register::Register;

label! {
    /// A task of a node.
    Task = "task" {
        /// The thread that wakes tasks at their instants.
        Alarm = "alarm",
        /// Accepts connections to the API.
        Api = "api",
        /// Serves one connection to the API.
        Connection = "connection",
        /// Checks what an acknowledged timer survives.
        Durability = "durability",
        /// Follows the feed for all readers.
        Feed = "feed",
        /// Keeps the index and the history.
        Finder = "finder",
        /// Follows the high-water mark of the timers that have fired.
        Guard = "guard",
        /// Accepts connections of health checks.
        Health = "health",
        /// Tells other nodes that this one is there, and listens to them.
        Heartbeat = "heartbeat",
        /// Handles the journals of dead nodes.
        Journal = "journal",
        /// Keeps a nats-server of our own running.
        NatsServer = "nats_server",
        /// Feeds one reader of events.
        Reader = "reader",
        /// Tends connections to receivers.
        Receiver = "receiver",
        /// Checks how much JetStream may still store.
        Room = "room",
        /// Sweeps for timers without a wake.
        Sweeper = "sweeper",
        Wake = "wake",
        /// Pulls wakes.
        Worker = "worker",
    }
}

#[derive(Debug)]
pub struct Tasks {
    pub failures: Counters<Task>,
}

impl Tasks {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        Self { failures: Counters::new(register, &names::TASK_FAILURES) }
    }
}
