//! `DELETE /timers`: cancels what a filter means, each timer with an answer as definite as by itself.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use warp::http::StatusCode;

use super::answer::{self, Answer};
use super::list;
use super::operate::Call;
use super::problem::Problem;
use super::query::{Params, flag};
use crate::domain::machine::Input;
use crate::domain::timer::TimerId;
use crate::engine::{Applied, Patience};
use crate::index::{Cursor, Filter, Page, Sort};
use crate::metrics::{Write, Written};
use crate::nats::NatsError;

/// The most timers that one request cancels, so that it ends in time; it says if there are more.
pub(super) const MAX_CANCELLED: usize = 1_000;

/// How many are cancelled at once.
const AT_ONCE: usize = 32;

/// What became of one timer.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    /// It was not what the index took it for.
    NotMeant,
    /// It would have been cancelled.
    Matched,
    Cancelled,
    /// It was meant, and has fired or changed before it could be cancelled.
    TooLate,
}

pub(super) async fn cancel(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut params = Params::of(&call.request.query);
    let mut filter = params.filter();
    let dry_run = params.read("dry_run", flag).unwrap_or(false);
    params.finish()?;
    if filter == Filter::default() {
        return Err(Problem::filter_required());
    }
    // Only what waits can be cancelled; of other states there is nothing to do.
    let waits = filter.states.is_empty() || filter.states.contains(&"scheduled");
    filter.states = vec!["scheduled"];
    let (ids, more) = if waits {
        gathered(MAX_CANCELLED, |after, limit| {
            list::ask(call, |index| index.page(&filter, Sort::Due, after, limit))
        })?
    } else {
        (vec![], false)
    };
    let (patience, filter) = (call.patience(), &filter);
    let outcomes: Vec<Outcome> = stream::iter(ids)
        .map(|id| async move {
            let outcome = cancel_one(call, id, filter, dry_run, patience).await;
            let written = match &outcome {
                Ok(Outcome::Cancelled) => Some(Written::Done),
                Ok(Outcome::TooLate) => Some(Written::Refused),
                Ok(Outcome::NotMeant | Outcome::Matched) => None,
                Err(_) => Some(Written::Failed),
            };
            if let Some(written) = written {
                call.api.metrics.timers.count(Write::Cancel, written);
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
        "cancelled": count(Outcome::Cancelled),
        "too_late": count(Outcome::TooLate),
        "dry_run": dry_run,
        "more": more,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// Cancels a timer if the filter means it, as the leader has it.
async fn cancel_one(
    call: &Call<'_>,
    id: TimerId,
    filter: &Filter,
    dry_run: bool,
    patience: Patience,
) -> Result<Outcome, NatsError> {
    let mut otherwise = Outcome::NotMeant;
    loop {
        let stored = call.engine.read(id, patience).await?.filter(|stored| filter.matches(&stored.timer));
        let Some(stored) = stored else { return Ok(otherwise) };
        if dry_run {
            return Ok(Outcome::Matched);
        }
        otherwise = Outcome::TooLate;
        // Whoever has changed meanwhile may not be meant any more.
        match call.engine.apply(id, Input::Cancel, Some(&[stored.revision]), patience).await? {
            Applied::Done(_) => return Ok(Outcome::Cancelled),
            Applied::Refused(..) | Applied::NotFound => return Ok(Outcome::TooLate),
            Applied::Changed(_) => {}
        }
    }
}

/// As many as are wanted, from as many pages as that takes, and whether there are more: a page ends early where few
/// are meant.
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
    use crate::domain::attempt::Delivery;
    use crate::domain::machine_properties::a_timer;
    use crate::domain::time::Timestamp;
    use crate::domain::timer::Timer;
    use crate::index::Index;

    #[test]
    fn those_that_are_meant_are_found_behind_any_number_that_are_not() {
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
        // Few are created so late, which the order by due instant says nothing of.
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
