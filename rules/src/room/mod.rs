//! Room for new timers, and the reserve for those that are promised already.
//!
//! Once JetStream's storage limit is reached, it refuses every write: no timer can be claimed or cancelled, and a wake that
//! comes due just then is lost until a sweep finds its timer. So new timers are refused before that. `sight` and `budget` have
//! the rules, and `size` estimates. In a node, `nats::room` looks, and `node::room` keeps the last view and gives parts of the room away.
//!
//! **Invariant:** only operations that make a timer, or let one grow, are refused. Claims, outcomes, cancels, moves, retries and
//! callbacks are not: they live on the reserve.
//!
//! **Invariant:** a limit that cannot be seen refuses nothing.

mod budget;
mod sight;
pub mod size;

pub use budget::Budget;
pub use sight::{Account, Part, Room, Server, Sight};

/// Whether there is room for new timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Enough,
    /// The remaining room is kept for timers that are promised already.
    Short,
    /// This node cannot see whether there is room.
    Unseen,
}

impl State {
    /// The state's name, as `/readyz` shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Short => "short",
            Self::Unseen => "unseen",
        }
    }
}
