//! Failures in a row, of which the log tells once, and once that they are over.

/// Counts failures in a row.
#[derive(Debug)]
pub struct Failures {
    told_at: u32,
    in_a_row: u32,
}

impl Failures {
    /// No failures yet. The one with this number in a row, from 1, is worth a line in the log.
    pub const fn told_at(number: u32) -> Self {
        Self { told_at: number, in_a_row: 0 }
    }

    /// Counts a failure. Returns whether it is the one to log.
    pub fn add(&mut self) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.in_a_row == self.told_at
    }

    /// Ends the row. Returns whether one of its failures was to be logged, so that the end is worth a line, too.
    pub fn end(&mut self) -> bool {
        std::mem::take(&mut self.in_a_row) >= self.told_at
    }

    pub fn in_a_row(&self) -> u32 {
        self.in_a_row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_of_a_row_is_told_and_its_end_if_that_was() {
        let mut failures = Failures::told_at(3);
        assert!(!failures.end());
        assert_eq!([(); 5].map(|()| failures.add()), [false, false, true, false, false]);
        assert_eq!(failures.in_a_row(), 5);
        assert!(failures.end() && !failures.end());
        assert!(!failures.add() && !failures.add() && !failures.end());
    }

    #[test]
    fn a_row_may_be_told_at_its_first_failure() {
        let mut failures = Failures::told_at(1);
        assert!(failures.add() && !failures.add() && failures.end() && !failures.end() && failures.add());
    }
}
