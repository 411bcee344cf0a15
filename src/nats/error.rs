//! What can go wrong on the way to JetStream, sorted by what the caller may do next.

/// A request to JetStream that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NatsError {
    /// The request may or may not have been done: no answer came. The same request may be sent
    /// again; whether it was done has to be found out by reading.
    #[error("no answer from NATS: {0}")]
    Unclear(String),
    /// Nothing was stored: not connected, no leader. The request may be sent again.
    #[error("NATS did not take the request: {0}")]
    NotDone(String),
    /// Nothing was stored, since JetStream's storage limit is reached, or since what is left below it is kept for timers that
    /// are promised already. The request may be sent again; it is in vain until there is room.
    #[error("JetStream has no room for it: {0}")]
    NoRoom(String),
    /// The record is larger than the server takes; asking again does not help.
    #[error("the timer's record would have {bytes} bytes, and NATS takes {limit}")]
    TooLarge {
        /// Of the record.
        bytes: usize,
        /// The server's `max_payload`, less what the record needs to grow.
        limit: usize,
    },
    /// What the broker holds cannot be understood; asking again does not help.
    #[error("{0}")]
    Unreadable(String),
}
