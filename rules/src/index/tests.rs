//! The index against a plain list of timers, and pages under writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::{Cursor, Filter, Index, Sort, size};
use crate::domain::attempt::Delivery;
use crate::domain::sample::a_timer;
use crate::domain::state_kind::{PerKind, StateKind};
use crate::domain::state_set::StateSet;
use crate::domain::target::TargetUrl;
use crate::domain::time::Timestamp;
use crate::domain::timer::{State, Timer, TimerId};
use crate::receivers::Waits;

fn at(n: u64) -> Timestamp {
    Timestamp::from_micros(n)
}

fn timer(n: u8, due: u64, created: u64, state: u8) -> Timer {
    let state = match state % 3 {
        0 => State::Scheduled { attempt: 1, at: at(due) },
        1 => State::Delivered { at: at(due) },
        _ => State::Cancelled { at: at(due) },
    };
    let mut timer = a_timer(Delivery::AtMostOnce, 3);
    timer.target.url = TargetUrl::parse(if n.is_multiple_of(2) { "http://a/" } else { "http://b/" }).unwrap();
    timer.metadata = Arc::new([("k".to_owned(), (n % 3).to_string())].into());
    Timer { id: Uuid::from_u128(n.into()), due_at: at(due), created_at: at(created), state, ..timer }
}

/// All pages of a list.
fn walk(index: &Index, filter: &Filter, sort: Sort, limit: usize) -> Vec<TimerId> {
    let (mut ids, mut cursor) = (vec![], None::<Cursor>);
    loop {
        let page = index.page(filter, sort, cursor.as_ref(), limit);
        assert!(page.ids.len() <= limit);
        ids.extend(page.ids);
        match page.next {
            Some(next) => cursor = Some(Cursor::decode(&next.encode()).unwrap()),
            None => return ids,
        }
    }
}

fn expected<'t>(timers: impl Iterator<Item = &'t Timer>, filter: &Filter, sort: Sort) -> Vec<TimerId> {
    let mut places: Vec<_> = timers
        .filter(|timer| filter.matches(timer))
        .map(|timer| (if sort.is_by_due() { timer.due_at } else { timer.created_at }, timer.id))
        .collect();
    places.sort_unstable();
    if sort.is_descending() {
        places.reverse();
    }
    places.into_iter().map(|(_, id)| id).collect()
}

fn filters() -> impl Strategy<Value = Filter> {
    let window = prop_oneof![Just((0, u64::MAX)), (0_u64..20, 0_u64..20)].prop_map(|(a, b)| at(a)..at(b));
    let states = vec![StateKind::Scheduled, StateKind::Delivered, StateKind::Cancelled, StateKind::Failed];
    let states = prop::sample::subsequence(states, 0..4).prop_map(StateSet::from_iter);
    let host = prop::option::of(prop::sample::select(vec!["a", "B", "c.", "a:80", "a:81"]));
    let metadata = prop::option::of(0_u8..4).prop_map(|n| n.map(|n| ("k".to_owned(), n.to_string())));
    (states, window.clone(), window, host, metadata).prop_map(|(states, due, created, host, metadata)| {
        let host = host.map(|host| host.parse().unwrap());
        Filter { states, due, created, host, metadata: metadata.into_iter().collect() }
    })
}

proptest! {
    #[test]
    fn pages_are_what_a_plain_list_gives(
        writes in prop::collection::vec((0_u8..30, 0_u64..20, 0_u64..20, 0_u8..3, prop::option::of(0_u64..20)), 0..80),
        now in 0_u64..20, filter in filters(), sort in prop::sample::select(Sort::ALL.to_vec()), limit in 1_usize..5,
        few in 0_usize..12,
    ) {
        // Whether names are common or not, a page is the same.
        let mut index = Index { few, ..Index::new(1_000) };
        let mut model = BTreeMap::new();
        for (revision, (n, due, created, state, expires)) in (1..).zip(writes) {
            let timer = timer(n, due, created, state);
            index.apply(&timer, revision, expires.map(at));
            // An older version that comes late changes nothing.
            index.apply(&self::timer(n, 1, 1, 0), revision - 1, None);
            model.insert(timer.id, (timer, expires));
        }
        index.expire(at(now));
        model.retain(|_, (_, expires)| expires.is_none_or(|expires| expires > now));
        let timers = || model.values().map(|(timer, _)| timer);
        prop_assert_eq!(walk(&index, &filter, sort, limit), expected(timers(), &filter, sort));
        prop_assert_eq!(index.len(), model.len());
        let counts = index.counts(&Waits::default(), at(0)).by_state;
        prop_assert_eq!(counts.0.iter().sum::<usize>(), model.len());
        for (id, _) in model {
            index.remove(id, u64::MAX);
        }
        prop_assert!(index.is_empty() && index.hosts.is_empty() && index.waiting.is_empty());
        prop_assert_eq!(index.bytes(), 0);
        prop_assert!(index.named.is_empty());
        prop_assert!(index.expiring.is_empty() && index.due.0.iter().all(|set| set.is_empty()));
    }

    #[test]
    fn what_does_not_move_is_listed_once_whatever_is_written_meanwhile(
        writes in prop::collection::vec((30_u8..60, 0_u64..20), 0..40), limit in 1_usize..5,
    ) {
        let mut index = Index::new(1_000);
        for n in 0..20 {
            index.apply(&timer(n, u64::from(n) % 7, 0, 0), 1, None);
        }
        let mut writes = (2..).zip(writes);
        let (mut seen, mut cursor) = (vec![], None);
        loop {
            let page = index.page(&Filter::default(), Sort::Due, cursor.as_ref(), limit);
            seen.extend(page.ids.into_iter().filter(|id| id.as_u128() < 20));
            if let Some((revision, (n, due))) = writes.next() {
                index.apply(&timer(n, due, 0, 0), revision, None);
            }
            let Some(next) = page.next else { break };
            cursor = Some(next);
        }
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..20).map(Uuid::from_u128).collect::<Vec<_>>());
    }
}

#[test]
fn over_its_limit_the_index_leaves_out_and_says_so() {
    let mut index = Index::new(2);
    for n in 0..2 {
        index.apply(&timer(n, 5, 5, 0), 1, None);
    }
    assert!(index.is_complete());
    index.apply(&timer(2, 5, 5, 0), 1, None);
    assert_eq!((index.len(), index.is_complete()), (2, false));
    // A known timer may still change.
    index.apply(&timer(1, 9, 5, 1), 2, None);
    assert_eq!(index.counts(&Waits::default(), at(0)).by_state, PerKind([1, 0, 1, 0, 0, 0]));
}

#[test]
fn over_its_bytes_the_index_leaves_out_and_says_so() {
    const LIMIT: usize = 10;
    let with_labels = |n: u8, labels: usize| {
        let mut timer = timer(n, 5, 5, 0);
        timer.target.url = TargetUrl::parse(&format!("http://{n}.{}/", "h".repeat(60))).unwrap();
        timer.metadata = Arc::new((0..labels).map(|label| (label.to_string(), n.to_string())).collect());
        timer
    };
    let mut index = Index::new(LIMIT);
    for n in 0..10 {
        index.apply(&with_labels(n, 20), 1, None);
    }
    // One of these takes as much as four with two labels.
    assert_eq!((index.len(), index.is_complete()), (2, false));
    assert!(index.bytes() <= LIMIT * size::ALLOWED_BYTES);
    // Known timers may lose labels, and then there is room.
    for n in 0..2 {
        index.apply(&with_labels(n, 0), 2, None);
    }
    index.apply(&with_labels(2, 20), 2, None);
    assert_eq!(index.len(), 3);
}

#[test]
fn overdue_is_what_should_have_begun_a_while_ago() {
    let mut index = Index::new(10);
    index.apply(&timer(1, 1_000_000, 0, 0), 1, None);
    index.apply(&timer(2, 1_000_000, 0, 1), 1, None);
    let none = Waits::default();
    assert_eq!(index.counts(&none, at(6_000_000)).overdue, 0);
    assert_eq!(index.counts(&none, at(6_000_001)).overdue, 1);
    assert_eq!(index.counts(&none, at(6_000_001)).held_up, 0);
}

#[test]
fn a_cursor_belongs_to_its_list() {
    let filter = Filter { host: Some("a".parse().unwrap()), ..Filter::default() };
    let cursor = Cursor::new(at(1), Uuid::nil(), &filter, Sort::Due);
    assert!(cursor.belongs_to(&filter, Sort::Due));
    assert!(!cursor.belongs_to(&filter, Sort::Created) && !cursor.belongs_to(&Filter::default(), Sort::Due));
    for broken in ["", "AAAA", "%"] {
        assert_eq!(Cursor::decode(broken), None);
    }
}
