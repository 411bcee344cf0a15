//! The knowledge of a node about one bucket: the marks of sweeps and restores, and the timers of which the bucket lost a write.
//!
//! Pure: no clock, no NATS.
//!
//! **Invariant:** a mark has no higher sequence than the bucket had when the mark was learned or the bucket went back. So it
//! judges no record that is written later.

use std::collections::HashMap;

use crate::nats::BucketState;
use rules::domain::high_water::HighWater;
use rules::domain::time::Timestamp;
use rules::domain::timer::{State, TimerId};

/// How many marks of sweeps are kept at most. One is enough while the clocks of all nodes are right.
const MOST_SWEPT: usize = 3;

/// The marks that nodes share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Marks of sweeps, by their sequences, of which none [reaches](HighWater::reaches) another. A sweep by a clock that is behind
    /// reaches more records, and a sweep by one that is ahead reaches later instants; neither replaces the other.
    pub(super) swept: Vec<HighWater>,
    /// The mark of the last restore that a node noticed. A sweep does not replace it: it cannot tell restored records from late
    /// ones.
    pub(super) restored: Option<HighWater>,
}

/// The knowledge about a bucket.
#[derive(Debug, Default)]
pub(super) struct BucketView {
    /// When the bucket was created; 0 before the first look.
    born: i128,
    marks: Marks,
    /// Timers of which the bucket lost a write by this node, each with the bucket's last sequence at that time.
    lost: HashMap<TimerId, u64>,
}

impl Marks {
    /// The mark of one sweep.
    pub(super) fn of_sweep(mark: HighWater) -> Self {
        Self { swept: vec![mark], restored: None }
    }

    fn each(&self) -> impl Iterator<Item = &HighWater> {
        self.swept.iter().chain(&self.restored)
    }

    /// Takes over another node's marks of the same bucket.
    fn learn(&mut self, other: Self) {
        other.swept.into_iter().for_each(|mark| self.add(mark));
        let is_later = |mark: &HighWater| self.restored.as_ref().is_none_or(|known| known.upto <= mark.upto);
        if let Some(mark) = other.restored.filter(is_later) {
            // Earlier versions of jettimer exempt the records that a sweep saw open.
            self.restored = Some(HighWater { open: vec![], ..mark });
        }
    }

    fn add(&mut self, mark: HighWater) {
        if self.swept.iter().any(|known| known.reaches(&mark)) {
            return;
        }
        self.swept.retain(|known| !mark.reaches(known));
        self.swept.push(mark);
        self.swept.sort_by_key(|mark| mark.seq);
        if self.swept.len() > MOST_SWEPT {
            self.swept.remove(0);
        }
    }

    /// The same marks, cut so that none covers a record after this sequence.
    fn cut(self, last: u64) -> Self {
        let cut = |mark: HighWater| HighWater { seq: mark.seq.min(last), ..mark };
        let mut marks = Self { swept: vec![], restored: self.restored.map(cut) };
        self.swept.into_iter().map(cut).for_each(|mark| marks.add(mark));
        marks
    }
}

impl BucketView {
    /// The remembered marks of the bucket that was created at this instant.
    pub(super) fn remembered(born: i128, marks: Marks) -> Self {
        let mut known = Self { born, ..Self::default() };
        known.learn(marks, u64::MAX);
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
        self.marks.swept.last().map(|mark| mark.upto)
    }

    /// Whether a record of this bucket was brought back.
    pub(super) fn is_restored(&self, timer: TimerId, state: &State, revision: u64) -> bool {
        let lost = self.lost.get(&timer).is_some_and(|last| revision <= *last);
        lost && !state.is_final() || self.marks.each().any(|mark| mark.is_restored(state, revision))
    }

    /// Turns to this bucket, and returns whether it is another one than before; nothing is known of another one.
    pub(super) fn turn_to(&mut self, born: i128) -> bool {
        let is_other = self.born != born;
        if is_other {
            *self = Self { born, ..Self::default() };
        }
        is_other
    }

    /// Takes over marks of this bucket, whose last sequence is `last`.
    pub(super) fn learn(&mut self, mut marks: Marks, last: u64) {
        let ours = |mark: &HighWater| mark.bucket_born == self.born;
        marks.swept.retain(ours);
        marks.restored = marks.restored.filter(ours);
        self.marks.learn(marks.cut(last));
    }

    /// Notes that the bucket lost its last writes. Those by this node were writes of `timers`.
    pub(super) fn lost_writes(&mut self, bucket: BucketState, timers: Vec<TimerId>) {
        self.marks = std::mem::take(&mut self.marks).cut(bucket.last);
        self.lost.extend(timers.into_iter().map(|timer| (timer, bucket.last)));
    }

    /// Notes that the bucket was restored: timers that were due up to this instant may have fired. This includes records that the last
    /// sweep saw open: they may have fired since.
    pub(super) fn was_restored(&mut self, bucket: BucketState, upto: Timestamp) {
        self.marks = std::mem::take(&mut self.marks).cut(bucket.last);
        let restored = HighWater { bucket_born: bucket.born, upto, seq: bucket.last, open: vec![] };
        self.marks.restored = Some(restored);
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
        Marks::of_sweep(mark(seq, upto))
    }

    fn known() -> BucketView {
        BucketView::remembered(BORN, Marks::default())
    }

    fn judges(known: &BucketView, due: u64, revision: u64) -> bool {
        known.is_restored(TimerId::nil(), &State::Scheduled { attempt: 1, at: at(due) }, revision)
    }

    fn bucket(last: u64) -> BucketState {
        BucketState { born: BORN, last, replicas: 1 }
    }

    #[test]
    fn each_sweep_counts_though_the_clock_of_another_one_was_wrong() {
        let mut known = known();
        known.learn(swept(10, 500), 10);
        // A sweep by a clock that is ahead, and one by a clock that is behind.
        known.learn(swept(12, 10_000), 12);
        known.learn(swept(20, 300), 20);
        assert!(judges(&known, 9_000, 12) && judges(&known, 200, 20) && !judges(&known, 400, 20));
        assert_eq!(known.marks().swept, [mark(12, 10_000), mark(20, 300)]);
        known.learn(swept(30, 600), 30);
        assert_eq!(known.swept_at(), Some(at(600)));
        assert_eq!(known.marks().swept, [mark(12, 10_000), mark(30, 600)]);
        known.learn(swept(29, 599), 30);
        assert_eq!(known.swept_at(), Some(at(600)), "an older one changes nothing");
        known.learn(swept(31, 10_000), 31);
        assert_eq!(known.marks().swept, [mark(31, 10_000)], "one is enough again");
    }

    #[test]
    fn a_bounded_number_of_marks_is_kept_and_the_newest_among_them() {
        let mut known = known();
        (1..=100).for_each(|n| known.learn(swept(n, 1_000 - n), n));
        assert_eq!(known.marks().swept, [mark(98, 902), mark(99, 901), mark(100, 900)]);
        known.lost_writes(bucket(50), vec![]);
        assert_eq!(known.marks().swept, [mark(50, 902)]);
    }

    #[test]
    fn nothing_is_known_of_another_bucket() {
        let mut known = known();
        known.learn(swept(10, 100), 10);
        assert!(!known.turn_to(BORN) && judges(&known, 50, 5));
        assert!(known.turn_to(8) && !judges(&known, 50, 5));
        known.learn(swept(10, 100), 10);
        assert_eq!(known.swept_at(), None, "a mark speaks of one bucket");
    }

    #[test]
    fn a_restore_is_remembered_whatever_sweeps_see_and_judges_no_later_record() {
        let mut known = known();
        let open = HighWater { open: vec![40], ..mark(90, 100) };
        known.learn(Marks::of_sweep(open), 90);
        known.was_restored(bucket(50), at(200));
        assert!(judges(&known, 150, 50), "it was due in the newer data");
        assert!(judges(&known, 90, 40), "it may have fired since a sweep saw it open");
        assert!(!judges(&known, 150, 51) && !judges(&known, 50, 60), "written after the restore");
        assert!(!judges(&known, 201, 50), "due after the restore");
        // A node that knew nothing has swept the restored bucket.
        let open = HighWater { open: vec![50], ..mark(55, 210) };
        known.learn(Marks::of_sweep(open), 55);
        assert!(judges(&known, 150, 50));
        // Other nodes hear of it.
        let mut other = BucketView::remembered(BORN, swept(55, 210));
        other.learn(known.marks().clone(), 55);
        assert!(judges(&other, 150, 50));
    }

    #[test]
    fn lost_writes_are_judged_by_timer_and_marks_are_cut() {
        let mut known = known();
        known.learn(swept(90, 100), 90);
        known.lost_writes(bucket(80), vec![TimerId::nil()]);
        assert!(judges(&known, 1_000, 80) && !judges(&known, 50, 81));
        let other = TimerId::from_u128(1);
        let due = State::Scheduled { attempt: 1, at: at(50) };
        assert!(known.is_restored(other, &due, 80) && !known.is_restored(other, &due, 85));
    }
}
