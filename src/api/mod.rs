//! HTTP in: the API that `openapi` describes, and the only place that names `warp`.
//!
//! One filter takes any request apart, `gate` admits it, `route` finds the operation that it asks for, and a handler answers. No filter and
//! no handler rejects, so each error is made in `problem` and nowhere else.

pub mod access;
mod answer;
mod attended;
mod bulk;
mod bulk_apply;
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
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::{Filter as _, Reply};

use crate::api::access::Permissions;
use crate::foundation::metrics::Metrics;
use crate::foundation::tasks::Tasks;
use crate::nats::{Backlog, FeedHub, Link, Streams};
use crate::node::durability::Watch;
use crate::node::engine::Engine;
use crate::node::finder::Finder;
use crate::node::heartbeat::Heartbeat;
use crate::node::receivers::Receivers;
use crate::node::room::Keeper;
use rules::domain::retry::RetryPolicy;
use rules::policy::Policy;

pub use cors::Origins;
pub use events::MAX_READERS;
pub use hosts::Hosts;
pub use inbox::Inbox;
pub use listen::{ConnectionLimits, serve};
pub use memory::{Budget, Reads};
pub use openapi::DOCUMENT;
use refusals::Refusals;

/// The parts and settings that the API needs.
#[derive(Clone)]
pub struct Api {
    /// Carries out requests about timers; absent on a node that only works.
    pub engine: Option<Engine>,
    /// What each client may do.
    pub permissions: Permissions,
    /// The origins whose pages may use the API from a browser.
    pub origins: Origins,
    /// The names by which clients may address the node.
    pub hosts: Hosts,
    /// Finds timers; absent if this node keeps no index.
    pub finder: Option<Finder>,
    /// Whether the node has the page to set and watch timers.
    pub page: bool,
    /// Places of readers of the feed; absent if no events are kept.
    pub feed: Option<Arc<Semaphore>>,
    /// The feed that they follow.
    pub hub: FeedHub,
    /// A receiver for trying the service out; only `dev` has one.
    pub inbox: Option<Inbox>,
    /// The receivers that this node calls; none if it does not work.
    pub receivers: Receivers,
    /// Which nodes there are, and what their clocks show.
    pub heartbeat: Heartbeat,
    /// What an acknowledged timer survives.
    pub durability: Watch,
    /// How much room there is for new timers.
    pub room: Keeper,
    /// Whether this node calls receivers.
    pub works: bool,
    /// How far this node's clock may be from others before the node is not ready.
    pub max_clock_skew: Duration,
    /// The connection to NATS, for readiness and the feed.
    pub link: Link,
    /// The messages that wait in NATS, for metrics.
    pub backlog: Arc<Backlog>,
    /// The state of the streams in NATS, for people.
    pub streams: Arc<Streams>,
    /// This node's counters and measurements.
    pub metrics: Arc<Metrics>,
    /// Tells whether a task that this node needs has failed, and spawns readers of the feed.
    pub tasks: Tasks,
    /// Cancelled once this node is to stop: it is no longer ready.
    pub stop: CancellationToken,
    /// The farthest due instant, from now.
    pub max_delay: Duration,
    /// The retry policy of timers that name none.
    pub retry: RetryPolicy,
    /// Which targets may be called.
    pub targets: Arc<Policy>,
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// The memory that all bodies and answers of this node may take.
    pub memory: Budget,
    /// Room for the records that are read at the same time.
    pub reads: Reads,
    /// How long a client may take to send a request's body.
    pub client_timeout: Duration,
    /// How often the reader of a quiet feed gets a heartbeat.
    pub event_heartbeat: Duration,
    /// How long a request may wait for NATS before it is answered with 503.
    pub patience: Duration,
}

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
