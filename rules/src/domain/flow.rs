//! A client's limits on how many of its timers may be called at once and how often, whichever receivers they call.

use crate::domain::rate::Rate;

/// The longest key of a flow, in characters: code points, as JSON Schema counts them.
pub const MAX_FLOW_KEY_CHARS: usize = 128;

/// The most calls in progress that a flow may ask for.
pub const MAX_PARALLELISM: u32 = 100_000;

/// Limits that all timers of the same key share, over all nodes. Where timers name different limits, those of the timer that is
/// to be called count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// 1 to [`MAX_FLOW_KEY_CHARS`] characters.
    pub key: String,
    /// How often calls begin, evenly spaced.
    pub rate: Option<Rate>,
    /// How many calls may be in progress; 1 to [`MAX_PARALLELISM`].
    pub parallelism: Option<u32>,
}
