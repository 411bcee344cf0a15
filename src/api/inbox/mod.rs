//! `/dev/inbox`: a receiver within `jettimer dev`, so that trying the service out needs nothing else. No other node has it.
//!
//! A request with a `webhook-id` is a webhook, whatever its method and its path below `/dev/inbox`. Without one, GET and HEAD look and
//! DELETE empties, as a person does with a browser or curl; any other method is taken as if it were a webhook.

pub(crate) mod received;
mod shown;
mod wish;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::sync::Semaphore;
use warp::http::header::{ACCEPT, VARY};
use warp::http::{HeaderValue, Method, StatusCode};

use super::answer::{self, Answer};
use super::call::Call;
use super::parts::Api;
use super::problem::Problem;
use super::query::Params;
use super::request::Request;
use super::standalone::{Standalone, joined};
use crate::foundation::clock::Clock;
use crate::webhook::Secrets;
use received::{Signature, Webhook};
use wish::Wish;

/// The path of the inbox.
pub(super) const PATH: &str = "/dev/inbox";

/// The page that shows the inbox.
pub(super) const PAGE: Standalone = joined!("../ui/base/json.js", "page.js");

/// The most webhooks that may wait for a late answer: as many as a node calls at once by default.
const MAX_WAITING: usize = 512;

/// The inbox, and the secrets that verify its webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    kept: Arc<Mutex<received::Inbox>>,
    waiting: Arc<Semaphore>,
    secrets: Secrets,
    clock: Clock,
}

impl Inbox {
    /// Makes an empty inbox. `secrets` are those that this node signs with.
    pub fn new(secrets: Secrets, clock: Clock) -> Self {
        Self { kept: Arc::default(), waiting: Arc::new(Semaphore::new(MAX_WAITING)), secrets, clock }
    }

    fn lock(&self) -> MutexGuard<'_, received::Inbox> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a path belongs to the inbox.
pub(super) fn is_inbox(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a request to the inbox is a webhook.
pub(super) fn is_webhook(request: &Request) -> bool {
    let looks = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS].contains(&request.method);
    request.headers.contains_key("webhook-id") || !looks
}

/// Takes a webhook, and answers it as its query asks.
pub(super) async fn take(api: &Api, inbox: &Inbox, mut request: Request) -> Result<Answer, Problem> {
    let body = request.bytes(api.max_body, api.client_timeout, &api.memory).await?;
    let wish = Wish::read(&request.query)?;
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

/// Whether a request to the inbox comes from a browser, which accepts `text/html` by name; other clients accept any type.
pub(super) fn wants_page(request: &Request) -> bool {
    let named = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("text/html"))
    };
    [Method::GET, Method::HEAD].contains(&request.method) && request.headers.get_all(ACCEPT).iter().any(named)
}

/// The answer with the page, which asks for the webhooks itself.
pub(super) fn page(request: &Request) -> Result<Answer, Problem> {
    Params::none(&request.query)?;
    Ok(varying(PAGE.show()))
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Problem> {
    let inbox = of(call)?;
    Params::none(&call.request.query)?;
    Ok(varying(answer::json(StatusCode::OK, &shown::all(&inbox.lock(), &call.request.path))))
}

/// Empties the inbox, at the request's path and below.
pub(super) fn empty(call: &Call<'_>) -> Result<Answer, Problem> {
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
