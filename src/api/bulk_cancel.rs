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
use crate::domain::timer::State;
use crate::engine::Applied;
use crate::index::{Filter, Sort};
use crate::metrics::{Write, Written};

/// The most timers that one request cancels, so that it ends in time; it says if there are more.
const MAX_CANCELLED: usize = 1_000;

/// How many are cancelled at once.
const AT_ONCE: usize = 32;

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
    let page = if waits {
        Some(list::ask(call, |index| index.page(&filter, Sort::Due, None, MAX_CANCELLED))?)
    } else {
        None
    };
    let more = page.as_ref().is_some_and(|page| page.next.is_some());
    let ids = page.map(|page| page.ids).unwrap_or_default();
    let records = list::records(call, ids, &filter).await.map_err(|error| Problem::of_nats(&error))?;
    let matched = records.len();
    let cancelled = if dry_run {
        0
    } else {
        let done: Vec<bool> = stream::iter(records)
            .map(|stored| async move {
                let only = [stored.revision];
                // Whoever has changed meanwhile may not be meant any more.
                let applied =
                    call.engine.apply(stored.timer.id, Input::Cancel, Some(&only), call.patience()).await;
                let is_cancelled = matches!(
                    &applied,
                    Ok(Applied::Done(stored)) if matches!(stored.timer.state, State::Cancelled { .. })
                );
                let written = match &applied {
                    Ok(_) if is_cancelled => Written::Done,
                    Ok(_) => Written::Refused,
                    Err(_) => Written::Failed,
                };
                call.api.metrics.timers.count(Write::Cancel, written);
                applied.map(|_| is_cancelled)
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
            .map_err(|error| Problem::of_nats(&error))?;
        done.into_iter().filter(|done| *done).count()
    };
    let too_late = if dry_run { 0 } else { matched - cancelled };
    let body = json!({
        "matched": matched, "cancelled": cancelled, "too_late": too_late, "dry_run": dry_run, "more": more,
    });
    Ok(answer::json(StatusCode::OK, &body))
}
