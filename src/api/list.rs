//! `GET /timers` and `GET /timers/counts`: which timers there are, by the index, and as the bucket has them.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use warp::http::StatusCode;

use super::answer::{self, Answer};
use super::operate::Call;
use super::problem::Problem;
use super::query::{Params, number};
use crate::domain::timer::TimerId;
use crate::index::{Cursor, Filter, Index, STATES, Sort};
use crate::nats::{NatsError, Stored};
use crate::timer_json::{self, View};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// How many records are read at once.
const READ_AT_ONCE: usize = 64;

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut params = Params::of(&call.request.query);
    let filter = params.filter();
    let sort = params.read("sort", sort).unwrap_or(Sort::Due);
    let limit = params.read("limit", |text| number(text, 1, MAX_LIMIT)).unwrap_or(DEFAULT_LIMIT);
    let cursor = params.one("cursor");
    params.finish()?;
    let cursor = cursor.map(|text| cursor_of(&text, &filter, sort)).transpose()?;

    let (page, complete) =
        ask(call, |index| (index.page(&filter, sort, cursor.as_ref(), limit), index.is_complete()))?;
    let records = records(call, page.ids, &filter).await.map_err(|error| Problem::of_nats(&error))?;
    let now = call.now();
    let timers: Vec<Value> =
        records.iter().map(|stored| timer_json::to_value(&stored.timer, now, View::Summary)).collect();
    let next = page.next.map(|cursor| cursor.encode());
    Ok(answer::json(StatusCode::OK, &json!({ "timers": timers, "next": next, "complete": complete })))
}

pub(super) fn count(call: &Call<'_>) -> Result<Answer, Problem> {
    Params::of(&call.request.query).finish()?;
    let now = call.now();
    let (counts, complete) = ask(call, |index| (index.counts(now), index.is_complete()))?;
    let mut body = json!({
        "overdue": counts.overdue,
        "total": counts.by_state.iter().sum::<usize>(),
        "complete": complete,
    });
    for (state, count) in STATES.into_iter().zip(counts.by_state) {
        body[state] = count.into();
    }
    Ok(answer::json(StatusCode::OK, &body))
}

/// Asks the index, if there is one and it is filled.
pub(super) fn ask<T>(call: &Call<'_>, question: impl FnOnce(&Index) -> T) -> Result<T, Problem> {
    let finder = call.api.finder.as_ref().ok_or_else(Problem::index_off)?;
    finder.ask(question).ok_or_else(Problem::index_not_ready)
}

/// The records of these timers that are there and are what the filter means: the index may be a moment old.
pub(super) async fn records(
    call: &Call<'_>,
    ids: Vec<TimerId>,
    filter: &Filter,
) -> Result<Vec<Stored>, NatsError> {
    stream::iter(ids)
        .map(|id| call.engine.peek(id))
        .buffered(READ_AT_ONCE)
        .try_filter_map(|stored| {
            std::future::ready(Ok(stored.filter(|stored| filter.matches(&stored.timer))))
        })
        .try_collect()
        .await
}

fn sort(text: &str) -> Result<Sort, String> {
    Sort::ALL
        .into_iter()
        .find(|sort| sort.name() == text)
        .ok_or_else(|| format!("must be one of {}", Sort::ALL.map(Sort::name).join(", ")))
}

fn cursor_of(text: &str, filter: &Filter, sort: Sort) -> Result<Cursor, Problem> {
    let cursor = Cursor::decode(text)
        .ok_or_else(|| Problem::bad_cursor("this is no cursor; a cursor is the `next` of a page"))?;
    if cursor.belongs_to(filter, sort) {
        return Ok(cursor);
    }
    Err(Problem::bad_cursor(
        "this cursor is of another list: filter and sort must stay the same from page to page",
    ))
}
