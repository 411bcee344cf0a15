//! Counts the events that the stream of the feed has refused.
//!
//! nats-server republishes each change of the bucket with all headers of the record, and checks them again as the stream of events stores
//! it. One of them is the revision that the record replaces. On the stream of events, that is right only while both streams number a
//! timer's versions alike, and while the event of the version before is still there. Otherwise the stream refuses the event. No
//! client hears of that: the server itself is the publisher.
//!
//! Each change that is republished adds one to the sequence of both streams. So between two events, the bucket has counted further than
//! the stream of events by the number of events that were refused.

/// The last event that a reader knows of, and what the stream has refused since.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// The sequence of an event, and the change of the bucket up to which it is known how many were refused.
    last: Option<(u64, u64)>,
}

impl Refusals {
    /// Notes that the stream of events had come to `sequence` when it had been told of all changes of the bucket up to `revision`. Returns
    /// how many events were refused since the last call.
    pub(super) fn reach(&mut self, sequence: u64, revision: u64) -> u64 {
        let Some((last_sequence, last_revision)) = self.last else {
            self.last = (revision > 0).then_some((sequence, revision));
            return 0;
        };
        if sequence < last_sequence || revision <= last_revision {
            return 0;
        }
        self.last = Some((sequence, revision));
        (revision - last_revision).saturating_sub(sequence - last_sequence)
    }

    /// Forgets the last event, since the feed is another one or has gone back.
    pub(super) fn start_over(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_without_an_event_count_once_whether_an_event_follows_or_not() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.reach(7, 7), 0, "the first event says nothing about earlier ones");
        assert_eq!(refusals.reach(8, 8), 0);
        // Three changes are refused, and then nothing happens for a while.
        assert_eq!(refusals.reach(8, 11), 3);
        assert_eq!(refusals.reach(8, 11), 0);
        // One more is refused, and an event follows.
        assert_eq!(refusals.reach(9, 13), 1);
        assert_eq!(refusals.reach(9, 12), 0, "an older look");
    }

    #[test]
    fn events_that_were_removed_from_both_streams_are_not_refused() {
        let mut refusals = Refusals::default();
        refusals.reach(7, 107);
        assert_eq!(refusals.reach(20, 120), 0);
        refusals.start_over();
        assert_eq!(refusals.reach(1, 500), 0);
        assert_eq!(refusals.reach(2, 503), 2);
    }

    #[test]
    fn a_message_that_names_no_change_says_nothing() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.reach(7, 0), 0);
        assert_eq!(refusals.reach(8, 8), 0);
        assert_eq!(refusals.reach(9, 0), 0);
        assert_eq!(refusals.reach(10, 10), 0);
    }
}
