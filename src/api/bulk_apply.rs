//! `DELETE /timers` and `POST /timers/replay`: cancels or replays the timers that match a filter. The outcome of each timer is as definite
//! as that of a request for it alone.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use warp::http::StatusCode;

use super::answer::{self, Answer};
use super::call::Call;
use super::list;
use super::problem::Problem;
use super::query::{Params, flag};
use crate::foundation::metrics::{Write, Written};
use crate::nats::NatsError;
use crate::node::engine::{Applied, Patience};
use rules::domain::machine::Command;
use rules::domain::state_kind::StateKind;
use rules::domain::state_set::StateSet;
use rules::domain::timer::TimerId;
use rules::index::{Cursor, Filter, Page, Sort};

/// The most timers of one request, so that it ends in time. The answer says if more timers match.
pub(super) const MAX_MATCHED: usize = 1_000;

/// How many timers are worked on at once.
const AT_ONCE: usize = 32;

/// The client's wish for many timers.
#[derive(Clone, Copy)]
pub(super) enum BulkAction {
    Cancel,
    Replay,
}

impl BulkAction {
    /// The states in which a timer can be cancelled or replayed. The request skips timers in other states.
    fn states(self) -> StateSet {
        match self {
            Self::Cancel => StateSet::from_iter([StateKind::Scheduled]),
            Self::Replay => StateSet::from_iter([StateKind::Failed, StateKind::Unknown]),
        }
    }

    fn command(self) -> Command {
        match self {
            Self::Cancel => Command::Cancel,
            Self::Replay => Command::Replay,
        }
    }

    /// The name of a timer's new state in the answer.
    fn done(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Replay => "replayed",
        }
    }

    /// The name of the wish in the metrics.
    fn write(self) -> Write {
        match self {
            Self::Cancel => Write::Cancel,
            Self::Replay => Write::Replay,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    /// The timer no longer matched the filter when its record was read.
    NotMeant,
    /// The timer matched; a dry run changes nothing.
    Matched,
    Done,
    /// The timer matched, but changed before the wish could be carried out.
    TooLate,
}

pub(super) async fn apply(call: &mut Call<'_>, wish: BulkAction) -> Result<Answer, Problem> {
    let (mut filter, dry_run) = asked(&call.request.query)?;
    // A client that puts the filter into the body would have no filter: the request would mean all timers of a state instead of a few.
    if call.request.says_something(call.api.client_timeout).await {
        return Err(Problem::filter_in_the_body(wish.done()));
    }
    let call = &*call;
    if filter == Filter::default() {
        return Err(Problem::filter_required(wish.done()));
    }
    filter.states = wish.states().intersection(filter.wanted());
    let (mut ids, mut more) = if filter.states.is_empty() {
        (vec![], false)
    } else {
        gathered(MAX_MATCHED, |after, limit| {
            list::ask(call, |index| index.page(&filter, Sort::Due, after, limit))
        })?
    };
    if !dry_run {
        let within_the_rate = call.spend_for(ids.len());
        more |= within_the_rate < ids.len();
        ids.truncate(within_the_rate);
    }
    let (patience, filter) = (call.patience(), &filter);
    let outcomes: Vec<Outcome> = stream::iter(ids)
        .map(|id| async move {
            let outcome = apply_one(call, wish, id, filter, dry_run, patience).await;
            let written = match &outcome {
                Ok(Outcome::Done) => Some(Written::Done),
                Ok(Outcome::TooLate) => Some(Written::Refused),
                Ok(Outcome::NotMeant | Outcome::Matched) => None,
                Err(_) => Some(Written::Failed),
            };
            if let Some(written) = written {
                call.api.metrics.timers.count(wish.write(), written);
            }
            outcome
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
        .map_err(|error| Problem::of_nats(&error))?;
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let body = json!({
        "matched": outcomes.len() - count(Outcome::NotMeant),
        wish.done(): count(Outcome::Done),
        "too_late": count(Outcome::TooLate),
        "dry_run": dry_run,
        "more": more,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// The filter, and whether timers are only to be counted. A label without a value is refused here, since an unset variable of a script
/// makes one; lists accept it.
fn asked(query: &str) -> Result<(Filter, bool), Problem> {
    let mut params = Params::of(query);
    let filter = params.filter();
    let dry_run = params.read("dry_run", flag).unwrap_or(false);
    for (key, _) in filter.metadata.iter().filter(|(_, value)| value.is_empty()) {
        params.wrong(
            &format!("metadata.{key}"),
            "is empty; give the label's value, or leave the parameter out. To select timers whose label is empty, find them with \
             GET /timers and use their ids",
        );
    }
    params.finish()?;
    Ok((filter, dry_run))
}

/// Carries out the wish for a timer if its record, read from the leader, matches the filter.
async fn apply_one(
    call: &Call<'_>,
    wish: BulkAction,
    id: TimerId,
    filter: &Filter,
    dry_run: bool,
    patience: Patience,
) -> Result<Outcome, NatsError> {
    let mut otherwise = Outcome::NotMeant;
    let room = call.room_for(id).await;
    let _room = room.ok_or_else(|| NatsError::NotDone("other timers are being read".to_owned()))?;
    loop {
        let stored = call.engine.read(id, patience).await?.filter(|stored| filter.matches(&stored.timer));
        let Some(stored) = stored else { return Ok(otherwise) };
        if dry_run {
            return Ok(Outcome::Matched);
        }
        otherwise = Outcome::TooLate;
        // A timer that has changed meanwhile may no longer match.
        match call.engine.apply(id, wish.command(), Some(&[stored.revision]), patience).await? {
            Applied::Done(_) => return Ok(Outcome::Done),
            Applied::Refused(..) | Applied::NotFound => return Ok(Outcome::TooLate),
            Applied::Changed(_) => {}
        }
    }
}

/// Gathers as many timers as are wanted, from as many pages as needed, and says whether there are more. A page ends early where few timers
/// match.
fn gathered(
    wanted: usize,
    mut page: impl FnMut(Option<&Cursor>, usize) -> Result<Page, Problem>,
) -> Result<(Vec<TimerId>, bool), Problem> {
    let (mut ids, mut after) = (vec![], None);
    loop {
        let page = page(after.as_ref(), wanted - ids.len())?;
        ids.extend(page.ids);
        after = page.next;
        if after.is_none() || ids.len() >= wanted {
            return Ok((ids, after.is_some()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use rules::domain::attempt::Delivery;
    use rules::domain::sample::a_timer;
    use rules::domain::time::Timestamp;
    use rules::domain::timer::Timer;
    use rules::index::Index;

    #[test]
    fn a_filter_that_is_unknown_or_empty_is_refused_by_its_name() {
        for (query, name) in [
            ("state=scheduled&metadata=%7B%22order%22%3A%224711%22%7D", "?metadata"),
            ("state=scheduled&metadata[order]=4711", "?metadata[order]"),
            ("state=scheduled&metadata.=4711", "?metadata."),
            ("state=scheduled&order=4711", "?order"),
            ("state=scheduled&metadata.order=", "?metadata.order"),
            ("state=scheduled&metadata.order", "?metadata.order"),
            ("state=scheduled&metadata.order=1&metadata.order=2", "?metadata.order"),
            ("state=scheduled&host=", "?host"),
            ("state=", "?state"),
            ("state=scheduled&due_before=", "?due_before"),
            ("host=a.example&dry_run=", "?dry_run"),
        ] {
            let problem = asked(query).unwrap_err().to_json();
            assert_eq!(problem["type"], "urn:jettimer:problem:invalid-query", "{query}");
            assert_eq!(problem["errors"][0]["pointer"], name, "{query}");
            assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{query}");
        }
        assert!(asked("state=scheduled&metadata.order=4711&metadata.team=red").is_ok());
    }

    #[test]
    fn those_that_are_meant_are_found_after_any_number_that_are_not() {
        const OTHERS: u128 = 250_000;
        let mut index = Index::new(300_000);
        let mut timer = a_timer(Delivery::AtMostOnce, 3);
        for n in 0..OTHERS + 3 {
            if n == OTHERS {
                timer.due_at = timer.due_at.saturating_add(Duration::from_secs(1));
                timer.created_at = timer.created_at.saturating_add(Duration::from_secs(1));
            }
            timer = Timer { id: Uuid::from_u128(n), ..timer };
            index.apply(&timer, 1, None);
        }
        // Few timers are created so late, and the order by due instant does not show which.
        let filter =
            Filter { created: timer.created_at..Timestamp::from_micros(u64::MAX), ..Filter::default() };
        let gather = |wanted| {
            let page = |after: Option<&Cursor>, limit| Ok(index.page(&filter, Sort::Due, after, limit));
            let (ids, more) = gathered(wanted, page).unwrap();
            (ids.iter().map(|id| id.as_u128() - OTHERS).collect::<Vec<_>>(), more)
        };
        assert_eq!(gather(1_000), (vec![0, 1, 2], false));
        assert_eq!(gather(2), (vec![0, 1], true));
    }
}
