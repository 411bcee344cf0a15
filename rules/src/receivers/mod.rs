//! Which receivers may be called: places and rates of receivers and flows, and circuit breakers of receivers and their paths.
//!
//! `node::receivers` has the table of the receivers that a node calls, and the waiting. Time comes in as an argument.

pub mod breaker;
pub mod candidate;
pub mod concurrency;
pub mod evidence;
pub mod in_progress;
pub mod lane;
pub mod limit;
pub mod others;
pub mod owner;
pub mod path;
pub mod paths;
pub mod progress;
pub mod ramp;
pub mod receiver;
pub mod returns;
pub mod route;
pub mod shape;
pub mod status;
pub mod tries;
pub mod trouble;

pub use breaker::BreakerState;
pub use candidate::CallRequest;
pub use concurrency::{Concurrency, Ended, LONG};
pub use limit::ReceiverLimit;
pub use route::Route;
pub use status::ReceiverStatus;
pub use trouble::{Reason, Trouble, Waits, Whose, keys};

/// The limits of receivers.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The most calls in progress at one receiver by this node.
    pub parallelism: usize,
    /// The number of failures in a row that opens a breaker; 0 for no breakers.
    pub breaker_failures: u32,
    /// The limits of certain receivers, for all nodes together.
    pub limits: Vec<ReceiverLimit>,
}

/// The reason why a call has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Postponed {
    /// A breaker is open: the receiver's, or that of the timer's path.
    Breaker,
    /// The receiver has asked to be left alone.
    RetryAfter,
    /// The receiver or path was held back, and calls begin again a few at a time.
    Recovery,
    /// The receiver's calls have reached their limit, or its rate is used up.
    Receiver,
    /// The calls of the timer's flow have reached their limit, or its rate is used up.
    Flow,
    /// This node has no free place, or the receiver has its share of them.
    Node,
}
