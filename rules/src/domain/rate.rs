//! How often something may happen: `100/s`, `5/m`, `1000/h`.
//!
//! The code that enforces a rate decides whether it may be used up at once or only evenly.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The largest number that a rate may allow in its window.
pub const MAX_COUNT: u32 = 1_000_000;

/// A number of events in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// From 1 to a million.
    count: u32,
    /// A second, a minute or an hour.
    window: Duration,
}

impl Rate {
    /// The number of events in the window; 1 to [`MAX_COUNT`].
    pub fn count(self) -> u32 {
        self.count
    }

    /// The window: a second, a minute or an hour.
    pub fn window(self) -> Duration {
        self.window
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.window.as_secs() {
            1 => "s",
            60 => "m",
            _ => "h",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("a rate is a number from 1 to {MAX_COUNT} with /s, /m or /h, such as 100/s");
        let (count, unit) = text.trim().split_once('/').ok_or_else(wrong)?;
        let window = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return Err(wrong()),
        };
        let count = count.parse().ok().filter(|n| (1..=MAX_COUNT).contains(n)).ok_or_else(wrong)?;
        Ok(Self { count, window: Duration::from_secs(window) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_window() {
        let minute = Rate { count: 5, window: Duration::from_secs(60) };
        assert_eq!("5/m".parse(), Ok(minute));
        assert_eq!(minute.to_string(), "5/m");
        for wrong in ["", "5", "0/s", "-1/s", "5/d", "1000001/s", "5 / s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
