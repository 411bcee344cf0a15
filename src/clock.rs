//! The wall clock.
//!
//! The only place that reads it; everything else is given a [`Timestamp`].

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::time::Timestamp;

/// Reads the machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// The present instant. A clock before 1970 reads as 1970.
    #[expect(clippy::disallowed_methods, reason = "this is the place that the lint sends others to")]
    pub fn now(self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
    }
}
