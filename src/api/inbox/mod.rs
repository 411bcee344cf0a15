//! `/dev/inbox`: a receiver within `jettimer dev`, so that trying the service out needs nothing else. No other node has it.
//!
//! A request with a `webhook-id` is a webhook, whatever its method and its path below `/dev/inbox`. Without one, GET and HEAD look and
//! DELETE empties, as a person does with a browser or curl; any other method is taken as if it were a webhook.

pub(super) mod handlers;
pub(crate) mod received;
mod reply;
mod shown;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use warp::http::header::ACCEPT;
use warp::http::{HeaderValue, Method};

use super::request::Request;
use super::standalone::{Standalone, joined};
use crate::foundation::clock::Clock;
use crate::webhook::Secrets;

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

/// Whether a request to the inbox comes from a browser, which accepts `text/html` by name; other clients accept any type.
pub(super) fn wants_page(request: &Request) -> bool {
    let named = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("text/html"))
    };
    [Method::GET, Method::HEAD].contains(&request.method) && request.headers.get_all(ACCEPT).iter().any(named)
}
