//! Room for new timers, and the reserve for those that are promised already.
//!
//! Once JetStream's storage limit is reached, it refuses every write: no timer can be claimed or cancelled, and a wake that
//! comes due just then is lost until a sweep finds it. So new timers are refused before that. `sight` and `budget` are rules, `size`
//! estimates, `nats` looks, and `keeper` keeps what was seen and gives parts of it away.
//!
//! **Invariant:** only what makes a timer, or lets one grow, is refused. Claims, outcomes, cancels, moves, retries and callbacks are
//! not: they live on the reserve.
//!
//! **Invariant:** what cannot be seen refuses nothing.

mod budget;
mod keeper;
mod sight;
pub mod size;

pub use budget::Budget;
pub use keeper::{Keeper, Pending};
pub use sight::{Account, Part, Room, Server, Sight};

/// Whether there is room for new timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is.
    Enough,
    /// What is left is kept for timers that are promised already.
    Short,
    /// Nothing that this node may see tells.
    Unseen,
}

impl State {
    /// Its name, as `/readyz` shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Short => "short",
            Self::Unseen => "unseen",
        }
    }
}
