//! `POST /timers`: many creations in one request, each with an outcome of its own.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use warp::http::StatusCode;

use super::answer::{self, Answer};
use super::operate::Call;
use super::problem::Problem;
use super::query::Params;
use super::request::{Json, without_mark};
use super::{idempotency, measure, timers};
use crate::engine::Patience;
use crate::metrics::Write;
use crate::nats::NatsError;
use crate::timer_json::{self, View};

/// The most timers that one request creates.
pub(super) const MAX_TIMERS: usize = 1_000;
/// The most bytes of a request that creates many, whatever the limit of one timer.
const MAX_BODY_BYTES: usize = 8 * 1_024 * 1_024;
/// How many of a request's timers are created at once, so that one request does not take all that NATS
/// has to give.
const AT_ONCE: usize = 32;

const NDJSON: &str = "application/x-ndjson";

/// Creates each item of the request, and says of each, in order, what became of it.
pub(super) async fn create(call: &mut Call<'_>) -> Result<Answer, Problem> {
    Params::none(&call.request.query)?;
    let key = idempotency::key(&call.request.headers)?;
    let media_type = call.request.media_type();
    if !matches!(media_type.as_str(), "" | "application/json" | NDJSON) {
        let allowed = "a JSON array (application/json) or one JSON object a line (application/x-ndjson)";
        return Err(Problem::unsupported_media_type(allowed));
    }
    let bytes = without_mark(&call.request.bytes(MAX_BODY_BYTES, call.api.client_timeout).await?);
    let items = if media_type == NDJSON { lines(&bytes) } else { elements(&bytes)? };
    if items.is_empty() {
        return Err(Problem::not_json("the body has no timer in it"));
    }
    if items.len() > MAX_TIMERS {
        return Err(Problem::too_many_timers(MAX_TIMERS));
    }
    let call = &*call;
    let patience = call.patience();
    let within_the_rate = call.spend_for(items.len());
    let outcomes: Vec<Value> = stream::iter(items.into_iter().enumerate())
        .map(|(n, item)| {
            // Each item without a key of its own has one that is made of the request's and its place.
            let key = key.as_ref().map(|key| idempotency::key_of_item(key, n));
            async move {
                let created = if n < within_the_rate {
                    create_one(call, item, key, patience).await
                } else {
                    Err(call.beyond_the_rate())
                };
                let status = created.as_ref().map_or_else(Problem::status, |(status, _)| *status);
                call.api.metrics.timers.count(Write::Create, measure::written(Write::Create, status));
                outcome(created)
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let created = outcomes.iter().filter(|outcome| outcome.get("timer").is_some()).count();
    let failed = outcomes.len() - created;
    Ok(answer::json(StatusCode::OK, &json!({ "results": outcomes, "created": created, "failed": failed })))
}

async fn create_one(
    call: &Call<'_>,
    item: Bytes,
    key: Option<String>,
    patience: Patience,
) -> Result<(StatusCode, Value), Problem> {
    if item.len() > call.api.max_body {
        return Err(Problem::too_large(call.api.max_body));
    }
    let mut json =
        Json::read(item).map_err(|error| Problem::not_json(format!("this timer is not JSON: {error}")))?;
    if patience.is_over() {
        let why = "the time of the request was over before it came to this timer".to_owned();
        return Err(Problem::of_nats(&NatsError::NotDone(why)));
    }
    let key = idempotency::take(&mut json.value)?.or(key);
    let (status, stored) = timers::create_one(call, &json, key.as_deref(), patience).await?;
    Ok((status, timer_json::to_value(&stored.timer, call.now(), View::Summary)))
}

fn outcome(result: Result<(StatusCode, Value), Problem>) -> Value {
    match result {
        Ok((status, timer)) => json!({ "status": status.as_u16(), "timer": timer }),
        Err(problem) => json!({ "status": problem.status().as_u16(), "problem": problem.to_json() }),
    }
}

/// The items of a JSON array, each as it was written.
fn elements(bytes: &Bytes) -> Result<Vec<Bytes>, Problem> {
    #[derive(Deserialize)]
    struct Elements<'json>(#[serde(borrow)] Vec<&'json RawValue>);
    let Elements(elements) = serde_json::from_slice(bytes)
        .map_err(|error| Problem::not_json(format!("the body is not a JSON array: {error}")))?;
    Ok(elements.into_iter().map(|element| bytes.slice_ref(element.get().as_bytes())).collect())
}

/// The lines that are not blank.
fn lines(bytes: &Bytes) -> Vec<Bytes> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty()).map(|line| bytes.slice_ref(line)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_array_and_lines_give_the_items_as_they_were_written() {
        let array = Bytes::from_static(br#" [ {"a": 1.0}, 2 ,"x" ] "#);
        let items: Vec<Bytes> = elements(&array).unwrap();
        assert_eq!(items, [&br#"{"a": 1.0}"#[..], b"2", b"\"x\""]);
        let text = Bytes::from_static(b"{\"a\": 1}\r\n\n  {broken\n");
        assert_eq!(lines(&text), [&b"{\"a\": 1}"[..], b"{broken"]);
        assert!(elements(&Bytes::from_static(b"{}")).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_have_items_that_are_json_or_are_told_not_to_be(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                "[\\[\\]{}\",:0-9a-z \\n\\r]{0,100}".prop_map(String::into_bytes),
            ],
        ) {
            let bytes = Bytes::from(bytes);
            for item in lines(&bytes) {
                prop_assert!(!item.is_empty() && !item.contains(&b'\n'));
                let _ = Json::read(item);
            }
            // What is an item of an array is JSON by itself.
            for item in elements(&bytes).unwrap_or_default() {
                prop_assert!(Json::read(item).is_ok());
            }
        }
    }
}
