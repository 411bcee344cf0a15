//! Checks whether the bucket has turned back: NATS lost its last writes, or its data was restored from an older copy.
//!
//! Sequence numbers are then used a second time. A consumer that continues after the last number it has heard passes over the
//! new changes, and some of the changes it has delivered are undone. So a follower of the bucket remembers its last changes, and
//! asks now and then whether the bucket still has them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::json;

use crate::nats::api::header::NATS_MESSAGE_TTL;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, record_subject, recorded_timer};
use crate::nats::nodes::mark::BucketState;
use crate::nats::requests::replica::Batch;
use crate::nats::requests::tail::Seen;
use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// How many changes are remembered. A bucket that lost more than these lost all of these, and one of them shows it. Few, since a
/// comparison reads the records of all.
const REMEMBERED: usize = 16;

/// How often a bucket that seems to have turned back is looked at before that is believed, with a pause between two looks: a new
/// leader may be a moment behind, and so may the replica that answers.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// More than rounding makes, also on a clock that runs fast, and less than a server takes to start.
const ROUNDING_MICROS: u64 = 1_000;

/// A change of the bucket that was heard.
#[derive(Debug)]
struct Change {
    id: TimerId,
    sequence: u64,
    stored_at: Timestamp,
    /// Whether the record leaves by itself: then its absence proves nothing.
    leaves: bool,
}

/// The last changes that were heard of a bucket.
pub(super) struct LastHeard {
    /// When the bucket was created, in nanoseconds since the epoch.
    born: i128,
    /// The last change of each of these timers, the oldest first.
    changes: VecDeque<Change>,
}

impl LastHeard {
    /// Starts without a change of this bucket.
    pub(super) fn of(bucket: BucketState) -> Self {
        Self { born: bucket.born, changes: VecDeque::with_capacity(REMEMBERED) }
    }

    /// Remembers a message of the bucket.
    pub(super) fn note(&mut self, seen: &Seen) {
        let Some(id) = recorded_timer(&seen.subject) else { return };
        self.changes.retain(|change| change.id != id);
        if self.changes.len() >= REMEMBERED {
            self.changes.pop_front();
        }
        let leaves = seen.header(NATS_MESSAGE_TTL).is_some();
        self.changes.push_back(Change { id, sequence: seen.sequence, stored_at: seen.stored_at, leaves });
    }

    /// Whether the bucket lacks a change that was heard; `heard` is the highest sequence number that was heard.
    ///
    /// # Errors
    ///
    /// If the bucket or its records cannot be read; then this is unknown.
    pub(super) async fn is_undone(&self, link: &Link, heard: u64) -> Result<bool, NatsError> {
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let bucket = BucketState::of(link).await?;
            if bucket.born == self.born && bucket.last >= heard && !self.lacks(link).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn lacks(&self, link: &Link) -> Result<bool, NatsError> {
        if self.changes.is_empty() {
            return Ok(false);
        }
        let subjects: Vec<String> =
            self.changes.iter().map(|change| record_subject(change.id).into_string()).collect();
        let batch = Batch::read(link, BUCKET_STREAM, &json!({ "multi_last": subjects })).await?;
        let clock = link.clock();
        let there = batch.messages.iter().filter_map(|message| {
            Some((recorded_timer(message.subject())?, (message.sequence(), clock.shown(message.stored_at()))))
        });
        let there: HashMap<TimerId, (u64, Timestamp)> = there.collect();
        Ok(self.changes.iter().any(|change| change.is_undone(there.get(&change.id).copied())))
    }
}

impl Change {
    /// Whether the change was undone, where `last` is the timer's last change: its sequence number and when it was stored.
    fn is_undone(&self, last: Option<(u64, Timestamp)>) -> bool {
        match last {
            Some((sequence, _)) if sequence != self.sequence => sequence < self.sequence,
            Some((_, stored_at)) => {
                // The two ways of reading round the server's nanoseconds differently.
                let apart = stored_at.as_micros().abs_diff(self.stored_at.as_micros());
                apart > ROUNDING_MICROS
            }
            None => !self.leaves,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(leaves: bool) -> Change {
        let stored_at = Timestamp::from_micros(5_000_000);
        Change { id: TimerId::from_u128(1), sequence: 7, stored_at, leaves }
    }

    #[test]
    fn a_change_that_is_there_or_was_followed_by_another_is_not_undone() {
        let at = Timestamp::from_micros(5_000_000);
        assert!(!change(false).is_undone(Some((7, at))));
        assert!(!change(false).is_undone(Some((7, Timestamp::from_micros(5_000_001)))));
        assert!(!change(false).is_undone(Some((8, Timestamp::from_micros(9_000_000)))));
    }

    #[test]
    fn a_change_is_undone_if_an_older_one_or_another_of_its_number_is_there_or_none() {
        assert!(change(false).is_undone(Some((6, Timestamp::from_micros(4_000_000)))));
        assert!(change(false).is_undone(Some((7, Timestamp::from_micros(9_000_000)))));
        assert!(change(false).is_undone(None));
    }

    #[test]
    fn a_record_that_leaves_by_itself_may_have_left() {
        assert!(!change(true).is_undone(None));
        assert!(change(true).is_undone(Some((6, Timestamp::from_micros(4_000_000)))));
    }
}
