//! Answers webhooks to the inbox, and requests for its page and its webhooks.

use serde_json::json;
use warp::http::header::VARY;
use warp::http::{HeaderValue, StatusCode};

use super::received::{Signature, Webhook};
use super::reply::InboxReply;
use super::{Inbox, PAGE, shown};
use crate::api::answer::{self, Answer};
use crate::api::call::Call;
use crate::api::parts::Api;
use crate::api::problem::Problem;
use crate::api::query::Params;
use crate::api::request::Request;
use crate::webhook::Secrets;

/// Takes a webhook, and answers it as its query asks.
pub(in crate::api) async fn take(api: &Api, inbox: &Inbox, mut request: Request) -> Result<Answer, Problem> {
    let body = request.bytes(api.max_body, api.client_timeout, &api.memory).await?;
    let wish = InboxReply::read(&request.query)?;
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let mut webhook = Webhook {
        received_at: inbox.clock.now(),
        method: request.method.to_string(),
        path: request.path.clone(),
        query: request.query.clone(),
        headers,
        body: body.to_vec(),
        body_bytes: body.len(),
        signature: Signature::Missing,
        status: 0,
    };
    webhook.signature = signature(&inbox.secrets, &webhook);
    let waits = (!wish.delay.is_zero()).then(|| inbox.waiting.clone().try_acquire_owned());
    let status = {
        let mut kept = inbox.lock();
        let id = webhook.header("webhook-id").unwrap_or_default();
        let status = match &waits {
            // With too many late answers, it answers like any receiver that has too much to do.
            Some(Err(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Some(Ok(_)) | None => wish.status_after(kept.calls_of(id, &webhook.path)),
        };
        webhook.status = status.as_u16();
        kept.take(webhook);
        status
    };
    if let Some(Ok(_place)) = waits {
        // A node that is told to stop has to finish its calls, and this is one of them.
        tokio::select! {
            () = tokio::time::sleep(wish.delay) => {}
            () = api.stop.cancelled() => {}
        }
    }
    Ok(answer::json(status, &json!({ "received": true })))
}

/// The answer with the page, which asks for the webhooks itself.
pub(in crate::api) fn page(request: &Request) -> Result<Answer, Problem> {
    Params::none(&request.query)?;
    Ok(varying(PAGE.show()))
}

pub(in crate::api) fn show(call: &Call<'_>) -> Result<Answer, Problem> {
    let inbox = of(call)?;
    Params::none(&call.request.query)?;
    Ok(varying(answer::json(StatusCode::OK, &shown::all(&inbox.lock(), &call.request.path))))
}

/// Empties the inbox, at the request's path and below.
pub(in crate::api) fn empty(call: &Call<'_>) -> Result<Answer, Problem> {
    let inbox = of(call)?;
    Params::none(&call.request.query)?;
    let removed = inbox.lock().empty(&call.request.path);
    Ok(answer::json(StatusCode::OK, &json!({ "removed": removed })))
}

fn of<'a>(call: &Call<'a>) -> Result<&'a Inbox, Problem> {
    // `route` finds these operations only on a node with an inbox.
    call.api.inbox.as_ref().ok_or_else(|| Problem::no_such_path(&call.request.path))
}

/// Notes that the answer depends on `Accept`.
fn varying(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    answer
}

fn signature(secrets: &Secrets, webhook: &Webhook) -> Signature {
    let Some(signatures) = webhook.header("webhook-signature") else { return Signature::Missing };
    let part = |name| webhook.header(name).unwrap_or_default();
    if secrets.verify(part("webhook-id"), part("webhook-timestamp"), &webhook.body, signatures) {
        Signature::Valid
    } else {
        Signature::Invalid
    }
}
