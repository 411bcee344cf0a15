use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A bucket, as the server keeps it.
#[derive(Default)]
struct Bucket {
    seq: u64,
    /// The newest version of each key: its sequence number and its state; `None` for the marker of a removed record.
    keys: BTreeMap<u8, (u64, Option<StateKind>)>,
    acts: Vec<Act>,
    /// The earlier versions that the newest version of each key names.
    pasts: BTreeMap<u8, Past>,
    gone: u64,
    /// Whether acts name the states of removed records.
    remembers: bool,
}

#[derive(Clone, Copy, Debug)]
enum Happening {
    /// The key is created, or changes to another state.
    Next { key: u8, to: usize },
    /// The record of a timer that is over leaves by itself.
    Expires { key: u8 },
    /// `nats kv del`.
    Removed { key: u8 },
    /// The record vanishes without a trace.
    Vanishes { key: u8 },
}

impl Bucket {
    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Next { key, to } => {
                let old = self.keys.get(&key).copied();
                if matches!(old, Some((_, None))) {
                    return;
                }
                let was = old.and_then(|(_, state)| state);
                let is = was.map_or(StateKind::Scheduled, |_| StateKind::ALL[to % StateKind::ALL.len()]);
                self.store(key, Some(is), Deed::Stored { was, is });
            }
            Happening::Expires { key } => {
                if self.keys.get(&key).is_some_and(|(_, state)| state.is_some_and(StateKind::is_final)) {
                    self.keys.remove(&key);
                }
            }
            Happening::Removed { key } => {
                if self.keys.get(&key).is_some_and(|(_, state)| state.is_some()) {
                    self.gone += 1;
                    let was = self.keys[&key].1.filter(|_| self.remembers);
                    self.store(key, None, Deed::Removed { was });
                }
            }
            Happening::Vanishes { key } => {
                let state = self.keys.get(&key).and_then(|(_, state)| *state);
                if state.is_some_and(|state| !state.is_final()) {
                    self.gone += 1;
                    self.keys.remove(&key);
                }
            }
        }
    }

    fn store(&mut self, key: u8, state: Option<StateKind>, deed: Deed) {
        self.seq += 1;
        let replaced = self.keys.insert(key, (self.seq, state));
        let over = replaced.map_or(0, |(seq, _)| seq);
        let past = match replaced {
            Some((seq, Some(state))) => self.pasts[&key].followed_by(seq, state),
            Some((_, None)) | None => Past::none(),
        };
        self.pasts.insert(key, past);
        self.acts.push(Act { seq: self.seq, over, deed });
    }

    /// Records after this sequence number, in the order in which they were stored.
    fn page(&self, after: u64, length: usize) -> Vec<(u64, Option<StateKind>)> {
        let mut all: Vec<_> = self.keys.values().copied().filter(|(seq, _)| *seq > after).collect();
        all.sort_by_key(|(seq, _)| *seq);
        all.truncate(length);
        all
    }

    /// Reads the acts after a change from the records, a page at a time, with these events in between, until nothing has changed
    /// since the last page.
    fn acts_after(&mut self, seq: u64, meanwhile: &[Happening]) -> Acts {
        let mut acts = Acts::after(seq);
        let (mut after, mut left) = (seq, meanwhile.iter());
        loop {
            let mut page: Vec<_> = self.keys.iter().filter(|(_, (seq, _))| *seq > after).collect();
            page.sort_by_key(|(_, (seq, _))| *seq);
            page.truncate(2);
            let Some((_, (last, _))) = page.last() else { return acts };
            after = *last;
            for (key, (seq, state)) in page {
                let Some(state) = state else { continue };
                self.pasts[key].acts(*seq, *state).for_each(|act| acts.add(act));
            }
            left.by_ref().take(2).for_each(|happening| self.happen(*happening));
        }
    }

    fn books(&self) -> Books {
        let mut books = Books::default();
        self.acts.iter().for_each(|act| books.add(act).unwrap());
        books
    }

    /// A census with these events in between, a page at a time.
    fn census(&mut self, meanwhile: &[Happening]) -> Option<Balance> {
        let books = self.books();
        let mut census = Census::at(self.seq);
        let (mut after, mut left) = (0, meanwhile.iter());
        loop {
            let page = self.page(after, 2);
            let Some((last, _)) = page.last().copied() else { break };
            page.iter()
                .filter_map(|(seq, state)| Some((*seq, (*state)?)))
                .for_each(|(seq, state)| census.count(seq, state));
            after = last;
            left.by_ref().take(2).for_each(|happening| self.happen(*happening));
        }
        let counted = census.complete(&self.acts)?;
        Some(Balance::of(&books, counted))
    }
}

fn happenings(accidents: bool, number: usize) -> impl Strategy<Value = Vec<Happening>> {
    let next = (0_u8..12, 0_usize..6).prop_map(|(key, to)| Happening::Next { key, to });
    let expires = (0_u8..12).prop_map(|key| Happening::Expires { key });
    let removed = (0_u8..12).prop_map(|key| Happening::Removed { key });
    let vanishes = (0_u8..12).prop_map(|key| Happening::Vanishes { key });
    let weight = u32::from(accidents);
    let happening = prop_oneof![8 => next, 2 => expires, weight => removed, weight => vanishes];
    prop::collection::vec(happening, 0..number)
}

proptest! {
    #[test]
    fn without_an_accident_it_balances_whatever_happens_during_the_census(
        before in happenings(false, 80), meanwhile in happenings(false, 40)
    ) {
        let mut bucket = Bucket::default();
        before.iter().for_each(|happening| bucket.happen(*happening));
        let balance = bucket.census(&meanwhile).unwrap();
        prop_assert_eq!(balance.imbalance, 0, "{:?}", balance);
    }

    #[test]
    fn what_is_lost_is_missing_in_the_next_balance(
        before in happenings(true, 80), meanwhile in happenings(false, 40), remembers: bool
    ) {
        let mut bucket = Bucket { remembers, ..Bucket::default() };
        before.iter().for_each(|happening| bucket.happen(*happening));
        let gone = i64::try_from(bucket.gone).unwrap();
        let balance = bucket.census(&meanwhile).unwrap();
        prop_assert_eq!(balance.imbalance > 0, gone > 0, "{:?}", balance);
        if remembers {
            prop_assert_eq!(balance.imbalance, gone);
        } else {
            // A record that has vanished may hide one that was over and was removed.
            prop_assert!(balance.imbalance <= gone);
        }
    }

    #[test]
    fn records_tell_every_act_whatever_happens_while_they_are_read(
        before in happenings(false, 80), since in happenings(false, 30), meanwhile in happenings(false, 30)
    ) {
        let mut bucket = Bucket::default();
        before.iter().for_each(|happening| bucket.happen(*happening));
        let after = bucket.seq;
        // No record leaves so soon after its end: the ledger needs finished timers for longer than a few sweeps take.
        let stays = |happening: &&Happening| matches!(happening, Happening::Next { .. });
        since.iter().filter(stays).for_each(|happening| bucket.happen(*happening));
        let meanwhile: Vec<Happening> = meanwhile.iter().filter(stays).copied().collect();
        let mut acts = bucket.acts_after(after, &meanwhile);
        let all = &bucket.acts[usize::try_from(after).unwrap()..];
        let told = acts.until(bucket.seq).map(<[Act]>::to_vec);
        prop_assert_eq!(told.as_deref(), Some(all));
    }

    #[test]
    fn a_record_that_has_left_since_it_changed_leaves_a_hole(
        before in happenings(false, 40), since in happenings(false, 30), key in 0_u8..12
    ) {
        let mut bucket = Bucket::default();
        before.iter().for_each(|happening| bucket.happen(*happening));
        let after = bucket.seq;
        since.iter().for_each(|happening| bucket.happen(*happening));
        let has_changed = bucket.keys.get(&key).is_some_and(|(seq, _)| *seq > after);
        bucket.keys.remove(&key);
        let last = bucket.acts.len() as u64;
        let is_whole = bucket.acts_after(after, &[]).until(last).is_some();
        prop_assert!(!(has_changed && is_whole));
    }

    #[test]
    fn books_that_begin_again_keep_the_missing_timers(before in happenings(true, 80)) {
        let mut bucket = Bucket { remembers: true, ..Bucket::default() };
        before.iter().for_each(|happening| bucket.happen(*happening));
        let balance = bucket.census(&[]).unwrap();
        let again = Balance::of(&balance.begun(bucket.seq, balance.counted), balance.counted);
        prop_assert_eq!(again, balance);
    }
}

fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..5, (u64::MAX - 4)..=u64::MAX, (i64::MAX as u64 - 2)..=(i64::MAX as u64 + 2)]
}

fn states() -> impl Strategy<Value = StateKind> {
    prop::sample::select(StateKind::ALL.to_vec())
}

fn forged_acts() -> impl Strategy<Value = Vec<Act>> {
    let deed = prop_oneof![
        (prop::option::of(states()), states()).prop_map(|(was, is)| Deed::Stored { was, is }),
        prop::option::of(states()).prop_map(|was| Deed::Removed { was }),
        Just(Deed::Other),
        Just(Deed::Unsaid),
    ];
    let act = (numbers(), numbers(), deed).prop_map(|(seq, over, deed)| Act { seq, over, deed });
    prop::collection::vec(act, 0..6)
}

proptest! {
    #[test]
    fn no_number_that_is_stored_or_comes_in_an_act_overflows(
        [seq, created, open, ended, removed, expired] in [numbers(), numbers(), numbers(), numbers(), numbers(), numbers()],
        [lost, imbalance] in [any::<i64>(), any::<i64>()],
        counts in [numbers(), numbers(), numbers(), numbers(), numbers(), numbers()],
        acts in forged_acts(),
    ) {
        let mut books = Books { seq, created, open, ended, lost, removed };
        for act in &acts {
            let before = books;
            if books.add(act).is_err() {
                prop_assert_eq!(books, before);
            }
            // The act that would come next, too.
            let _ = books.add(&Act { seq: books.next(), ..*act });
        }
        let mut census = Census::at(seq);
        acts.iter().for_each(|act| census.count(act.seq, StateKind::Failed));
        let _ = census.complete(&acts);
        let balance = Balance { expired, imbalance, ..Balance::of(&books, PerKind(counts)) };
        let _ = Balance::of(&balance.begun(seq, PerKind(counts)), PerKind(counts));
    }
}

#[test]
fn books_that_were_forged_are_closed_and_a_large_difference_is_not_taken_for_none() {
    let created = |seq| Act { seq, over: 0, deed: Deed::Stored { was: None, is: StateKind::Scheduled } };
    let mut full = Books { created: u64::MAX, ..Books::default() };
    assert_eq!(full.add(&created(1)), Err(Hole { at: 1 }));
    let mut last = Books { seq: u64::MAX, ..Books::default() };
    assert_eq!((last.next(), last.add(&created(u64::MAX))), (u64::MAX, Ok(())));
    assert_eq!(Balance::of(&full, PerKind::default()).imbalance, i64::MAX);
    let missing = Books { open: 0, ..Books::default() };
    assert_eq!(Balance::of(&missing, PerKind([u64::MAX, 0, 0, 0, 0, 0])).imbalance, i64::MIN);
}

#[test]
fn a_hole_closes_the_books_and_an_act_that_is_known_changes_nothing() {
    let stored = |seq, was| Act { seq, over: 0, deed: Deed::Stored { was, is: StateKind::Scheduled } };
    let mut books = Books::default();
    books.add(&stored(1, None)).unwrap();
    let known = books;
    books.add(&stored(1, None)).unwrap();
    assert_eq!(books, known);
    assert_eq!(books.add(&stored(3, None)), Err(Hole { at: 2 }));
    assert_eq!(books.add(&Act { seq: 2, over: 1, deed: Deed::Unsaid }), Err(Hole { at: 2 }));
    // The act says that it replaced a record that never existed.
    assert_eq!(books.add(&stored(2, Some(StateKind::Failed))), Err(Hole { at: 2 }));
    assert_eq!(books, known);
}
