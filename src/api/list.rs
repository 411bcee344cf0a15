//! `GET /timers` and `GET /timers/counts`: finds timers in the index, and shows them as the bucket has them.
//!
//! A list is read from the bucket at its client's pace, so a page that its client does not read holds little memory.

use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};
use warp::http::StatusCode;

use super::answer::{self, Answer};
use super::call::Call;
use super::memory::{self, FREE_BYTES};
use super::problem::Problem;
use super::query::{Params, number};
use super::summaries::{OneAtATime, Summaries};
use crate::nats::NatsError;
use rules::domain::time::Now;
use rules::domain::timer::TimerId;
use rules::index::{Cursor, Filter, Index, Size, Sort};
use rules::receivers::Waits;

pub(super) const DEFAULT_LIMIT: usize = 100;
pub(super) const MAX_LIMIT: usize = 1_000;

/// The parameters of a list.
struct Asked {
    filter: Filter,
    sort: Sort,
    limit: usize,
    cursor: Option<Cursor>,
}

fn asked(query: &str) -> Result<Asked, Problem> {
    let mut params = Params::of(query);
    let filter = params.filter();
    let sort = params.read("sort", sort).unwrap_or(Sort::Due);
    let limit = params.read("limit", |text| number(text, 1, MAX_LIMIT)).unwrap_or(DEFAULT_LIMIT);
    let cursor = params.one("cursor");
    params.finish()?;
    let cursor = cursor.map(|text| cursor_of(&text, &filter, sort)).transpose()?;
    Ok(Asked { filter, sort, limit, cursor })
}

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let Asked { filter, sort, limit, cursor } = asked(&call.request.query)?;
    let (page, sizes, complete) = ask(call, |index| {
        let page = index.page(&filter, sort, cursor.as_ref(), limit);
        let sizes: Vec<Size> = page.ids.iter().map(|id| index.size(*id).unwrap_or_default()).collect();
        (page, sizes, index.is_complete())
    })?;
    let found: Vec<(TimerId, Size)> = page.ids.into_iter().zip(sizes).collect();
    let mut memory = call.memory();
    let taken = Summaries::bytes(&found).saturating_sub(FREE_BYTES);
    memory.grow_to(taken).map_err(|_| Problem::memory_full_for_answer(false))?;
    let next = Value::from(page.next.map(|cursor| cursor.encode()));
    let mut summaries = Summaries::new(call.api.clone(), call.engine.clone(), filter, found);
    // An error before the first byte of the answer is a problem like any other.
    let first = summaries.next().await.map_err(|error| Problem::of_nats(&error))?;
    let begin =
        format!("{{\"complete\":{complete},\"next\":{next},\"timers\":[{}", first.unwrap_or_default());
    let mut answer = answer::json_stream(OneAtATime::new(text(begin, summaries)));
    memory::keep_with(&mut answer, memory);
    Ok(answer)
}

/// The text of the list, made at the client's pace.
fn text(begin: String, summaries: Summaries) -> impl Stream<Item = Result<String, NatsError>> {
    let rest = stream::try_unfold(Some(summaries), async |summaries| {
        let Some(mut summaries) = summaries else { return Ok(None) };
        Ok(Some(match summaries.next().await {
            Ok(Some(more)) => (more, Some(summaries)),
            Ok(None) => ("]}".to_owned(), None),
            Err(error) => {
                tracing::warn!(%error, "cut a list short: one of its timers cannot be read");
                return Err(error);
            }
        }))
    });
    stream::iter([Ok(begin)]).chain(rest)
}

pub(super) fn count(call: &Call<'_>) -> Result<Answer, Problem> {
    Params::none(&call.request.query)?;
    let now = call.engine.clock().moment();
    let waits = call.api.receivers.waits();
    Ok(answer::json(StatusCode::OK, &ask(call, |index| counted(index, &waits, now))?))
}

/// How many timers an index has.
pub(super) fn counted(index: &Index, waits: &Waits, now: impl Now) -> Value {
    let counts = index.counts(waits, now);
    let mut body = json!({
        "overdue": counts.overdue,
        "overdue_held_up": counts.held_up,
        "total": counts.by_state.0.iter().sum::<usize>(),
        "complete": index.is_complete(),
    });
    for (state, count) in counts.by_state.each() {
        body[state.name()] = count.into();
    }
    body
}

/// Asks the index, if the node has one and it is filled.
pub(super) fn ask<T>(call: &Call<'_>, question: impl FnOnce(&Index) -> T) -> Result<T, Problem> {
    let finder = call.api.finder.as_ref().ok_or_else(Problem::index_off)?;
    finder.ask(question).ok_or_else(Problem::index_not_ready)
}

fn sort(text: &str) -> Result<Sort, String> {
    Sort::ALL
        .into_iter()
        .find(|sort| sort.name() == text)
        .ok_or_else(|| format!("must be one of {}", Sort::ALL.map(Sort::name).join(", ")))
}

fn cursor_of(text: &str, filter: &Filter, sort: Sort) -> Result<Cursor, Problem> {
    let cursor = Cursor::decode(text)
        .ok_or_else(|| Problem::bad_cursor("this is not a cursor; use the `next` of a page"))?;
    if cursor.belongs_to(filter, sort) {
        return Ok(cursor);
    }
    Err(Problem::bad_cursor(
        "this cursor belongs to another list: keep filter and sort the same from page to page",
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::form_urlencoded::Serializer;

    use super::*;

    /// Parameters that are often known ones, with values that are often good.
    fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
        let name = prop_oneof![
            8 => prop::sample::select(vec![
                "state", "due_after", "due_before", "created_after", "created_before", "host", "metadata.a",
                "metadata.", "sort", "limit", "cursor",
            ]).prop_map(str::to_owned),
            1 => "\\PC{0,8}",
        ];
        let value = prop_oneof![
            4 => prop::sample::select(vec![
                "scheduled", "failed", "2027-01-01T00:00:00Z", "2027-01-01T09:00:00+01:00", "due", "-created", "100",
            ]).prop_map(str::to_owned),
            1 => "\\PC{0,12}",
        ];
        prop::collection::vec((name, value), 0..8)
    }

    fn query(pairs: &[(String, String)]) -> String {
        Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// The parameters that the problem names. None if only the cursor is wrong, since it is checked last.
    fn named(problem: &Problem) -> Vec<String> {
        let json = problem.to_json();
        if json["type"] == "urn:jettimer:problem:invalid-cursor" {
            return vec!["cursor".to_owned()];
        }
        assert_eq!(json["type"], "urn:jettimer:problem:invalid-query");
        let errors = json["errors"].as_array().unwrap().iter();
        errors.map(|error| error["pointer"].as_str().unwrap().strip_prefix('?').unwrap().to_owned()).collect()
    }

    proptest! {
        #[test]
        fn a_query_is_valid_once_what_is_named_is_left_out(pairs in pairs()) {
            let mut pairs = pairs;
            if let Err(problem) = asked(&query(&pairs)) {
                let wrong = named(&problem);
                prop_assert!(!wrong.is_empty());
                pairs.retain(|(name, _)| !wrong.contains(name));
                let again = asked(&query(&pairs)).err().map(|problem| named(&problem));
                // A cursor is checked once it is known which list it must belong to.
                prop_assert!(again.is_none_or(|wrong| wrong == ["cursor"]), "{:?}", pairs);
            }
        }

        #[test]
        fn no_text_makes_it_panic(query in "\\PC{0,40}", escaped in "[a-z%&=+;0-9A-F.]{0,40}") {
            let _ = asked(&query);
            let _ = asked(&escaped);
        }
    }
}
