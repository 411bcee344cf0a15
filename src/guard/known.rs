//! What a node knows of one bucket: the marks of sweeps and restores, and the timers of which the bucket lost a write.
//!
//! Pure: no clock, no NATS.
//!
//! **Invariant:** a mark has no higher sequence than the bucket had when the mark was learned or the bucket went back, so that it judges no record
//! that is written later.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::high_water::HighWater;
use crate::domain::time::Timestamp;
use crate::domain::timer::{State, TimerId};
use crate::nats::BucketState;

/// How far the clocks of two nodes that are ready can be apart: twice what `--max-clock-skew` allows at most.
const CLOCKS_DIFFER: Duration = Duration::from_secs(6);

/// The marks that nodes share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// That of the newest sweep.
    pub(super) swept: Option<HighWater>,
    /// That of the last restore which a node noticed. A sweep does not take its place: it cannot tell restored records from those that
    /// are late.
    pub(super) restored: Option<HighWater>,
}

/// What is known of a bucket.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// When the bucket was created; 0 before it was looked at.
    born: i128,
    marks: Marks,
    /// Timers of which the bucket lost a write that this node made, with its last sequence then.
    lost: HashMap<TimerId, u64>,
}

impl Marks {
    fn each(&self) -> impl Iterator<Item = &HighWater> {
        [&self.swept, &self.restored].into_iter().flatten()
    }

    /// Takes over what is newer in what another node knows, of the same bucket. A mark that is ahead of `now` was made by a node whose
    /// clock was ahead, and gives way to any other.
    fn learn(&mut self, other: Self, now: Timestamp) {
        let present = now.saturating_add(CLOCKS_DIFFER);
        let known = [&mut self.swept, &mut self.restored];
        for (known, mark) in known.into_iter().zip([other.swept, other.restored]) {
            let is_newer = |mark: &HighWater| {
                known.as_ref().is_none_or(|known| known.upto <= mark.upto || known.upto > present)
            };
            if let Some(mark) = mark.filter(is_newer) {
                *known = Some(mark);
            }
        }
    }

    /// The same marks, where none speaks of a record behind this sequence.
    fn cut(mut self, last: u64) -> Self {
        for mark in [&mut self.swept, &mut self.restored].into_iter().flatten() {
            mark.seq = mark.seq.min(last);
        }
        self
    }
}

impl Known {
    /// What was remembered of the bucket that was created at this instant.
    pub(super) fn remembered(born: i128, marks: Marks) -> Self {
        let mut known = Self { born, ..Self::default() };
        known.learn(marks, u64::MAX, Timestamp::from_micros(0));
        known
    }

    pub(super) fn born(&self) -> i128 {
        self.born
    }

    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// When the sweep of the newest mark began.
    pub(super) fn swept_at(&self) -> Option<Timestamp> {
        self.marks.swept.as_ref().map(|mark| mark.upto)
    }

    /// Whether a record of this bucket was brought back.
    pub(super) fn is_restored(&self, timer: TimerId, state: &State, revision: u64) -> bool {
        let lost = self.lost.get(&timer).is_some_and(|last| revision <= *last);
        lost && !state.is_final() || self.marks.each().any(|mark| mark.is_restored(state, revision))
    }

    /// Turns to this bucket. Says whether it is another than before, of which nothing is known.
    pub(super) fn turn_to(&mut self, born: i128) -> bool {
        let is_other = self.born != born;
        if is_other {
            *self = Self { born, ..Self::default() };
        }
        is_other
    }

    /// Takes over marks of this bucket, whose last sequence is `last`, at an instant by this node's clock.
    pub(super) fn learn(&mut self, marks: Marks, last: u64, now: Timestamp) {
        let ours = |mark: &HighWater| mark.bucket_born == self.born;
        let marks = Marks { swept: marks.swept.filter(ours), restored: marks.restored.filter(ours) };
        self.marks.learn(marks.cut(last), now);
    }

    /// The bucket lost its last writes, some of them this node's: those of these timers.
    pub(super) fn lost_writes(&mut self, bucket: BucketState, timers: Vec<TimerId>) {
        self.marks = std::mem::take(&mut self.marks).cut(bucket.last);
        self.lost.extend(timers.into_iter().map(|timer| (timer, bucket.last)));
    }

    /// The bucket was restored: what was due up to this instant had fired, but for what the last sweep saw open.
    pub(super) fn was_restored(&mut self, bucket: BucketState, upto: Timestamp) {
        self.marks = std::mem::take(&mut self.marks).cut(bucket.last);
        let open = self.marks.swept.as_ref().map(|mark| mark.open.clone()).unwrap_or_default();
        self.marks.restored = Some(HighWater { bucket_born: bucket.born, upto, seq: bucket.last, open });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BORN: i128 = 7;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn mark(seq: u64, upto: u64) -> HighWater {
        HighWater { bucket_born: BORN, upto: at(upto), seq, open: vec![] }
    }

    fn swept(seq: u64, upto: u64) -> Marks {
        Marks { swept: Some(mark(seq, upto)), restored: None }
    }

    fn known() -> Known {
        Known::remembered(BORN, Marks::default())
    }

    fn judges(known: &Known, due: u64, revision: u64) -> bool {
        known.is_restored(TimerId::nil(), &State::Scheduled { attempt: 1, at: at(due) }, revision)
    }

    fn bucket(last: u64) -> BucketState {
        BucketState { born: BORN, last }
    }

    #[test]
    fn a_later_sweep_counts_though_the_clock_of_an_earlier_one_was_ahead() {
        let mut known = known();
        known.learn(swept(10, 10_000), 10, at(10_000));
        known.learn(swept(20, 500), 20, at(501));
        assert_eq!(known.swept_at(), Some(at(500)));
        assert!(judges(&known, 400, 20) && !judges(&known, 600, 20));
        known.learn(swept(20, 400), 20, at(501));
        assert_eq!(known.swept_at(), Some(at(500)), "an older one changes nothing");
    }

    #[test]
    fn nothing_is_known_of_another_bucket() {
        let mut known = known();
        known.learn(swept(10, 100), 10, at(100));
        assert!(!known.turn_to(BORN) && judges(&known, 50, 5));
        assert!(known.turn_to(8) && !judges(&known, 50, 5));
        known.learn(swept(10, 100), 10, at(100));
        assert_eq!(known.swept_at(), None, "a mark speaks of one bucket");
    }

    #[test]
    fn a_restore_is_remembered_whatever_sweeps_see_and_judges_no_later_record() {
        let mut known = known();
        known.learn(swept(90, 100), 90, at(100));
        known.was_restored(bucket(50), at(200));
        assert!(judges(&known, 150, 50), "it was due in the newer data");
        assert!(!judges(&known, 150, 51) && !judges(&known, 50, 60), "written after the restore");
        assert!(!judges(&known, 201, 50), "due after the restore");
        // A node that knew nothing has swept the restored bucket.
        let open = HighWater { open: vec![50], ..mark(55, 210) };
        known.learn(Marks { swept: Some(open), restored: None }, 55, at(210));
        assert!(judges(&known, 150, 50));
        // Others hear of it.
        let mut other = Known::remembered(BORN, swept(55, 210));
        other.learn(known.marks().clone(), 55, at(210));
        assert!(judges(&other, 150, 50));
    }

    #[test]
    fn lost_writes_are_judged_by_timer_and_marks_are_cut() {
        let mut known = known();
        known.learn(swept(90, 100), 90, at(100));
        known.lost_writes(bucket(80), vec![TimerId::nil()]);
        assert!(judges(&known, 1_000, 80) && !judges(&known, 50, 81));
        let other = TimerId::from_u128(1);
        let due = State::Scheduled { attempt: 1, at: at(50) };
        assert!(known.is_restored(other, &due, 80) && !known.is_restored(other, &due, 85));
    }
}
