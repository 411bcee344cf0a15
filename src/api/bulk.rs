//! `POST /timers`: many creations in one request, each with an outcome of its own.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use warp::http::StatusCode;

use super::answer::{self, Answer};
use super::bulk_places::AT_ONCE;
use super::call::Call;
use super::items::{self, MAX_TIMERS};
use super::json::Json;
use super::memory::{self, FREE_BYTES};
use super::problem::Problem;
use super::query::Params;
use super::request::without_mark;
use super::{idempotency, measure, timers};
use crate::foundation::metrics::Write;
use crate::foundation::timer_json::{self, View};
use crate::nats::NatsError;
use crate::node::engine::Patience;

/// The most bytes of a request that creates many timers, whatever the limit of one timer.
const MAX_BODY_BYTES: usize = 8 * 1_024 * 1_024;

const NDJSON: &str = "application/x-ndjson";

/// How many bytes of items are being created at once, unless one has more. While it is created, each is in memory some four times.
const BYTES_AT_ONCE: usize = 1_024 * 1_024;

/// The bytes of memory taken for an outcome before it is known: as many as most timers and problems need.
const OUTCOME_BYTES: usize = 1_024;

/// After this many bytes of problems, the answer names no more bad fields: an item of 700 bytes may have a hundred, with a sentence each.
const MOST_PROBLEMS: usize = 1_024 * 1_024;

/// Creates each item of the request, and lists the outcomes in the same order.
pub(super) async fn create(call: &mut Call<'_>) -> Result<Answer, Problem> {
    Params::none(&call.request.query)?;
    let key = idempotency::key(&call.request.headers)?;
    let media_type = call.request.media_type();
    if !matches!(media_type.as_str(), "" | "application/json" | NDJSON) {
        let allowed = "a JSON array (application/json) or one JSON object per line (application/x-ndjson)";
        return Err(Problem::unsupported_media_type(allowed));
    }
    let (timeout, memory) = (call.api.client_timeout, &call.api.memory);
    let bytes = without_mark(&call.request.bytes(MAX_BODY_BYTES, timeout, memory).await?);
    let length = bytes.len();
    let is_ndjson = media_type == NDJSON;
    // The bytes go with it: each item refers to its part of them.
    let split = move || if is_ndjson { Ok(items::lines(&bytes)) } else { items::elements(&bytes) };
    let items = call.api.parsing.of_text(length, split).await?;
    if items.is_empty() {
        return Err(Problem::not_json("the body contains no timers"));
    }
    if items.len() > MAX_TIMERS {
        return Err(Problem::too_many_timers(MAX_TIMERS));
    }
    let call = &*call;
    // Taken before anything is created, since a creation cannot be taken back.
    let mut memory = call.memory();
    let expected = (items.len() * OUTCOME_BYTES).saturating_sub(FREE_BYTES);
    memory.grow_to(expected).map_err(|_| Problem::memory_full())?;
    let patience = call.patience();
    let within_the_rate = call.spend_for(items.len());
    let largest = items.iter().map(Bytes::len).max().unwrap_or_default();
    let mut outcomes = stream::iter(items.into_iter().enumerate())
        .map(|(n, item)| {
            // An item without a key of its own gets one that is made of the request's key and the item's place.
            let key = key.as_ref().map(|key| idempotency::key_of_item(key, n));
            async move {
                let created = if n < within_the_rate {
                    create_one(call, item, key, patience).await
                } else {
                    Err(call.beyond_the_rate())
                };
                let status = created.as_ref().map_or_else(Problem::status, |(status, _)| *status);
                call.api.metrics.timers.count(Write::Create, measure::written(Write::Create, status));
                created
            }
        })
        .buffered((BYTES_AT_ONCE / largest.max(1)).clamp(1, AT_ONCE));
    let mut results = Results::default();
    while let Some(outcome) = outcomes.next().await {
        results.add(outcome);
    }
    drop(outcomes);
    let text = results.finish();
    memory.set(text.capacity().saturating_sub(FREE_BYTES));
    let mut answer = answer::text(StatusCode::OK, "application/json", text);
    memory::keep_with(&mut answer, memory);
    Ok(answer)
}

async fn create_one(
    call: &Call<'_>,
    item: Bytes,
    key: Option<String>,
    patience: Patience,
) -> Result<(StatusCode, String), Problem> {
    if item.len() > call.api.max_body {
        return Err(Problem::too_large(call.api.max_body));
    }
    let json = call.api.parsing.of_text(item.len(), move || Json::read(item)).await;
    let mut json = json.map_err(|bad| bad.problem("this timer"))?;
    let _turn =
        call.api.bulk_places.turn(patience).await.filter(|_| !patience.is_over()).ok_or_else(|| {
            let why = "the request ran out of time before it reached this timer".to_owned();
            Problem::of_nats(&NatsError::NotDone(why))
        })?;
    let key = idempotency::take(&mut json.value)?.or(key);
    let (status, stored) = timers::create_one(call, json, key.as_deref(), patience).await?;
    Ok((status, timer_json::to_text(&stored.timer, call.now(), View::Summary)))
}

/// The outcomes of the items, as the text of the answer.
#[derive(Default)]
struct Results {
    text: String,
    created: usize,
    failed: usize,
    /// The bytes of all problems so far.
    problems: usize,
}

impl Results {
    fn add(&mut self, outcome: Result<(StatusCode, String), Problem>) {
        if !self.text.is_empty() {
            self.text.push(',');
        }
        match outcome {
            Ok((status, timer)) => {
                self.created += 1;
                self.text.push_str(&format!("{{\"status\":{},\"timer\":{timer}}}", status.as_u16()));
            }
            Err(problem) => {
                self.failed += 1;
                let is_enough = self.problems > MOST_PROBLEMS;
                let problem = if is_enough { problem.in_short() } else { problem };
                let status = problem.status().as_u16();
                let said = json!({ "status": status, "problem": problem.to_json() }).to_string();
                self.problems += said.len();
                self.text.push_str(&said);
            }
        }
    }

    fn finish(self) -> String {
        let Self { text, created, failed, .. } = self;
        format!("{{\"created\":{created},\"failed\":{failed},\"results\":[{text}]}}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::api::problem::FieldError;

    fn bad(n: usize) -> Problem {
        let error = |m: usize| FieldError { pointer: format!("/{n}/{m}"), detail: "x".repeat(400) };
        Problem::invalid_timer((0..100).map(error).collect())
    }

    #[test]
    fn an_answer_with_many_problems_says_less_of_those_that_follow() {
        let mut results = Results::default();
        results.add(Ok((StatusCode::CREATED, "{\"id\":1}".to_owned())));
        for n in 0..MAX_TIMERS {
            results.add(Err(bad(n)));
        }
        let text = results.finish();
        assert!(text.len() < MOST_PROBLEMS + MAX_TIMERS * OUTCOME_BYTES, "{}", text.len());
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&answer["created"], &answer["failed"]), (&json!(1), &json!(MAX_TIMERS)));
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results[0], json!({ "status": 201, "timer": { "id": 1 } }));
        assert_eq!(results[1]["problem"]["errors"].as_array().unwrap().len(), 100);
        let last = &results[MAX_TIMERS]["problem"];
        assert!(
            last["errors"].is_null() && last["detail"].as_str().unwrap().contains("send this one by itself")
        );
    }
}
