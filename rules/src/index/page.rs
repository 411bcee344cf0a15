//! Pages of a list: the timers after a cursor, in order, in the states of the filter.

use std::iter::Peekable;
use std::ops::Bound;

use super::{Cursor, Filter, Index, Ordered, Sort};
use crate::domain::time::Timestamp;
use crate::domain::timer::TimerId;

/// The most places that one page looks at, which takes some ten milliseconds. A page that this limit cuts short
/// tells where the next one begins.
const MAX_LOOKED_AT: usize = 100_000;

#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Timers that may match; their records decide.
    pub ids: Vec<TimerId>,
    /// Where the next page begins; `None` at the end of the list.
    pub next: Option<Cursor>,
}

type Places<'i> = Box<dyn Iterator<Item = (Timestamp, TimerId)> + 'i>;

impl Index {
    /// The page that follows `after`: at most `limit` timers.
    pub fn page(&self, filter: &Filter, sort: Sort, after: Option<&Cursor>, limit: usize) -> Page {
        if let Some(ids) = self.few(filter) {
            return self.page_of_few(ids, filter, sort, after, limit);
        }
        let sets = if sort.is_by_due() { &self.due } else { &self.created };
        let window = if sort.is_by_due() { &filter.due } else { &filter.created };
        let bounds =
            (Bound::Included((window.start, TimerId::nil())), Bound::Excluded((window.end, TimerId::nil())));
        let mut sources: Vec<Peekable<Places<'_>>> = vec![];
        for state in filter.wanted().iter() {
            sources.extend(places(&sets[state], bounds, sort, after).map(Iterator::peekable));
        }
        let labels = filter.labels();
        let mut ids = vec![];
        let mut last = None;
        for _ in 0..MAX_LOOKED_AT {
            let Some((at, id)) = nearest(&mut sources, sort) else { return Page { ids, next: None } };
            if self.entries.get(&id).is_some_and(|entry| filter.may_match(entry, &labels)) {
                ids.push(id);
            }
            last = Some((at, id));
            if ids.len() == limit {
                break;
            }
        }
        let more = nearest(&mut sources, sort).is_some();
        let next = last.filter(|_| more).map(|(at, id)| Cursor::new(at, id, filter, sort));
        Page { ids, next }
    }
}

type Bounds = (Bound<(Timestamp, TimerId)>, Bound<(Timestamp, TimerId)>);

/// The places of one state, from the cursor on.
fn places<'i>(set: &'i Ordered, bounds: Bounds, sort: Sort, after: Option<&Cursor>) -> Option<Places<'i>> {
    let (mut low, mut high) = bounds;
    if let Some(cursor) = after {
        let place = Bound::Excluded((cursor.at, cursor.id));
        if sort.is_descending() {
            high = place;
        } else {
            low = place;
        }
    }
    let (Bound::Included(first) | Bound::Excluded(first), Bound::Included(last) | Bound::Excluded(last)) =
        (low, high)
    else {
        return None;
    };
    // A range that ends before it begins is empty, and would make the set panic.
    if first >= last {
        return None;
    }
    let range = set.range((low, high)).copied();
    Some(if sort.is_descending() { Box::new(range.rev()) } else { Box::new(range) })
}

/// Takes the next place among all sources.
fn nearest(sources: &mut [Peekable<Places<'_>>], sort: Sort) -> Option<(Timestamp, TimerId)> {
    let heads = sources.iter_mut().enumerate();
    let heads = heads.filter_map(|(n, source)| Some((*source.peek()?, n)));
    let (_, n) = if sort.is_descending() { heads.max() } else { heads.min() }?;
    sources[n].next()
}
