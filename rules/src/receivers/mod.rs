//! Which receivers may be called: places and rates of receivers and flows, and circuit breakers of receivers and their paths.
//!
//! `node::receivers` has the table of the receivers that a node calls, and the waiting. Time comes in as an argument.
//!
//! A failure holds back only the calls about which it is evidence (`evidence`), so there are three kinds of circuit breakers:
//!
//! - of the receiver (`receiver`). A connection does not depend on the path: 20 failures to connect in a row open this breaker, and a
//!   call that had a connection closes it, with any answer or none, on any path;
//! - of a path (`path`, `paths`): 429, 5xx or no answer, 20 times in a row, opens it; any other answer closes it;
//! - of a shape (`shape`). Paths with an identifier in them are called once each, so none of their own breakers would ever open. The
//!   breaker of all paths that look alike (`route`) opens once 20 different ones have failed in a row, and closes as soon as one goes
//!   well. A path counts once in such a run, so one broken path never speaks for the others. A path whose last call went well is called
//!   even while the breaker is open.
//!
//! A probe belongs to the receiver or path whose breaker is open; it is not the first timer of a queue. A shape has tries instead
//! (`tries`): each second one path that was not called yet and one that has failed, each path at most once a minute. With these alone, a
//! healthy path would wait for all the others. So a shape counts as mixed for ten minutes after a try went well, and in that time no
//! timer waits for long (`candidate`). A timer's lateness and its part of the spread follow from its record: nothing is counted for it,
//! and after a restart only the mixed state has to be found again. As long as no try goes well, the receiver may be down as a whole,
//! and only the tries are made: the first call of an `at_most_once` timer is its only one.
//!
//! Timers that are held back have a line for each path (`returns`), so none waits for the backlog of another path. When calls begin
//! again, their rate grows from a few a second (`ramp`). `Retry-After` holds back its path, and for at most a minute the receiver; the
//! other paths are called first and show whether the path spoke for itself alone.
//!
//! Envoy's outlier detection also counts local failures (no connection, a reset) apart from answers. In resilience4j's half-open state, a
//! probe has a small budget of its own, too. Webhook services use the called URL as the unit, not the host.
//!
//! **Invariant:** an answer holds back no path that looks different, and no path whose last call went well.
//! **Invariant:** a path of a mixed shape that was not called yet waits for the broken paths for 30 s at most, if its receiver has
//! places, however many broken paths there are.
//! **Invariant:** while no path of a shape goes well, a timer that waits for the shape keeps its only call.
//! **Invariant:** calls of a shape that hang leave an eighth of the receiver's places to other shapes, if it may have 8 or more.

mod breaker;
pub mod candidate;
pub mod concurrency;
pub mod evidence;
mod in_progress;
pub mod lane;
pub mod limit;
pub mod others;
pub mod owner;
mod path;
pub mod paths;
mod progress;
mod ramp;
pub mod receiver;
pub mod returns;
pub mod route;
mod shape;
pub mod status;
mod tries;
mod trouble;

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
