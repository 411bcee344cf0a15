//! HTTP in: the API that `openapi` describes, and the only place that names `warp`.
//!
//! One filter takes any request apart, `gate` admits it, `route` finds the operation that it asks for, and a handler answers. No filter and
//! no handler rejects, so each error is made in `problem` and nowhere else.

pub mod access;
mod answer;
mod attended;
mod bulk;
mod bulk_apply;
mod bulk_places;
mod call;
mod canonical;
mod connections;
mod cors;
mod docs;
mod draft;
mod events;
mod exact;
mod first_head;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod gate;
mod head;
mod health;
mod hosts;
mod idempotency;
mod inbox;
mod items;
mod json;
mod kept;
mod lasting;
mod list;
mod listen;
mod measure;
mod memory;
mod metrics;
mod nodes;
mod openapi;
mod operation;
mod owner;
mod paced;
mod page;
mod parsing;
mod parts;
mod precondition;
mod problem;
mod query;
mod receivers;
mod refusals;
mod request;
mod route;
mod standalone;
mod stats;
mod summaries;
mod timers;
mod traceparent;
pub mod ui;
mod unread;
mod waits;

use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::{Filter as _, Reply};

pub use bulk_places::BulkPlaces;
pub use cors::Origins;
pub use events::MAX_READERS;
pub use hosts::Hosts;
pub use inbox::Inbox;
pub use listen::{ConnectionLimits, serve};
pub use memory::{Budget, Reads};
pub use openapi::DOCUMENT;
pub use parsing::Parsing;
pub use parts::Api;
use refusals::Refusals;

/// The answers of a listener for health checks only.
pub fn health_routes(api: Api) -> BoxedFilter<(impl Reply,)> {
    let api = Arc::new(api);
    request::any()
        .then(move |request| {
            let api = api.clone();
            async move { health::only(&api, request).await }
        })
        .boxed()
}

/// All answers of this node.
pub fn routes(api: Api) -> BoxedFilter<(impl Reply,)> {
    let shared = Arc::new((api, Refusals::default()));
    request::any()
        .then(move |request| {
            let shared = shared.clone();
            async move { gate::handle(&shared.0, &shared.1, request).await }
        })
        .boxed()
}
