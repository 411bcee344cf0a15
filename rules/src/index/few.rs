//! Pages of a list with a host or a label that few timers have. Such a page looks at those, and not at all timers in their
//! order, where it might find one at the very end.

use super::{Cursor, Filter, Index, Page, Sort, host_name};
use crate::domain::timer::TimerId;

/// How many timers count as few: that many are sorted within a few milliseconds. If more match, a page of the usual size is found soon
/// among all timers.
pub(super) const MAX_FEW: usize = 10_000;

impl Index {
    /// The timers with one of the filter's names, if they are few.
    pub(super) fn few(&self, filter: &Filter) -> Option<Vec<TimerId>> {
        let names =
            filter.labels().into_iter().chain(filter.host.as_ref().map(|host| host_name(host.host())));
        names.into_iter().find_map(|name| {
            let named = self.named.range((name, TimerId::nil())..=(name, TimerId::max()));
            let ids: Vec<TimerId> = named.take(self.few + 1).map(|(_, id)| *id).collect();
            (ids.len() <= self.few).then_some(ids)
        })
    }

    /// The page of these timers that follows `after`.
    pub(super) fn page_of_few(
        &self,
        ids: Vec<TimerId>,
        filter: &Filter,
        sort: Sort,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Page {
        let (states, labels) = (filter.wanted(), filter.labels());
        let mut places = vec![];
        for id in ids {
            let Some(entry) = self.entries.get(&id) else { continue };
            let place = (if sort.is_by_due() { entry.due_at } else { entry.created_at }, id);
            let follows = after.is_none_or(|cursor| {
                let last = (cursor.at, cursor.id);
                if sort.is_descending() { place < last } else { place > last }
            });
            if follows && states.contains(entry.state) && filter.may_match(entry, &labels) {
                places.push(place);
            }
        }
        places.sort_unstable();
        if sort.is_descending() {
            places.reverse();
        }
        let more = places.len() > limit;
        places.truncate(limit);
        let last = places.last().filter(|_| more);
        let next = last.map(|(at, id)| Cursor::new(*at, *id, filter, sort));
        Page { ids: places.into_iter().map(|(_, id)| id).collect(), next }
    }
}
