//! A position in the feed, as readers know it.

use std::fmt;
use std::str::FromStr;

use rules::domain::time::Timestamp;

/// A position in the feed: a change of the bucket up to which a reader has been told of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The sequence number of the change.
    pub revision: u64,
    /// An instant up to which the reader knows everything, in whole seconds; `None` if it is not known.
    pub at: Option<Timestamp>,
}

impl Position {
    /// The position of an event that was stored at this instant.
    pub fn at(revision: u64, at: Timestamp) -> Self {
        Self { revision, at: Some(seconds(at.as_micros() / MICROS)) }
    }
}

const MICROS: u64 = 1_000_000;

fn seconds(seconds: u64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(MICROS))
}

/// As in `57-1796083200`, the number of the change and the seconds since 1970; or as in `57`.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.revision)?;
        self.at.map_or(Ok(()), |at| write!(f, "-{}", at.as_micros() / MICROS))
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| is_number).ok_or(())
        };
        let (revision, at) = match text.split_once('-') {
            Some((revision, at)) => (revision, Some(seconds(number(at)?))),
            None => (text, None),
        };
        Ok(Self { revision: number(revision)?, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written_and_nothing_else_is() {
        let at = Position::at(57, Timestamp::from_micros(1_796_083_200_900_000));
        assert_eq!(at.to_string(), "57-1796083200");
        assert_eq!(at.to_string().parse(), Ok(at));
        assert_eq!("57".parse(), Ok(Position { revision: 57, at: None }));
        assert_eq!("57".parse::<Position>().unwrap().to_string(), "57");
        for bad in ["", "x", "-5", "57-", "57-x", "+57", "57-1-1", " 57", "99999999999999999999"] {
            assert_eq!(bad.parse::<Position>(), Err(()), "{bad:?}");
        }
    }
}
