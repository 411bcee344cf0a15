//! HTTP in: the API of `api.md`, and the only place that names `warp`.
//!
//! One filter takes any request apart, `gate` lets it in, `operation` says what it asks for, and a
//! handler answers. No filter and no handler rejects, so that each error is made in `problem` and
//! nowhere else.

mod answer;
mod attended;
mod bulk;
mod bulk_apply;
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
mod operate;
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
mod standalone;
mod stats;
mod summaries;
mod timers;
mod traceparent;
mod unread;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::{Filter as _, Reply};

use crate::access::Permissions;
use crate::domain::retry::RetryPolicy;
use crate::durability::Watch;
use crate::engine::Engine;
use crate::finder::Finder;
use crate::heartbeat::Heartbeat;
use crate::metrics::Metrics;
use crate::nats::{Backlog, FeedHub, Link, Streams};
use crate::policy::Policy;
use crate::receivers::Receivers;
use crate::room::Keeper;
use crate::tasks::Tasks;

pub use cors::Origins;
pub use events::MAX_READERS;
pub use hosts::Hosts;
pub use inbox::Inbox;
pub use listen::{ConnectionLimits, serve};
pub use memory::{Budget, Reads};
pub use openapi::DOCUMENT;
use refusals::Refusals;

/// What the API needs and is told by the configuration.
#[derive(Clone)]
pub struct Api {
    /// Does what clients ask for; absent on a node that only works.
    pub engine: Option<Engine>,
    /// Who may do what.
    pub permissions: Permissions,
    /// The origins whose pages may use it from a browser.
    pub origins: Origins,
    /// By which names it may be asked.
    pub hosts: Hosts,
    /// Finds timers; absent if this node keeps no index.
    pub finder: Option<Finder>,
    /// Whether it has the page to set and watch timers.
    pub page: bool,
    /// Places of readers of the feed; absent if no events are kept.
    pub feed: Option<Arc<Semaphore>>,
    /// What they follow.
    pub hub: FeedHub,
    /// A receiver to try it out with; only `dev` has one.
    pub inbox: Option<Inbox>,
    /// Whom this node calls; nobody, if it does not work.
    pub receivers: Receivers,
    /// Which nodes there are, and what their clocks show.
    pub heartbeat: Heartbeat,
    /// What an acknowledged timer survives.
    pub durability: Watch,
    /// How much room there is for new timers.
    pub room: Keeper,
    /// Whether this node calls receivers.
    pub works: bool,
    /// How far this node's clock may be from others until it is not ready.
    pub max_clock_skew: Duration,
    /// For readiness and the feed.
    pub link: Link,
    /// What waits in NATS, for metrics.
    pub backlog: Arc<Backlog>,
    /// How NATS is, for people.
    pub streams: Arc<Streams>,
    /// What this node counts.
    pub metrics: Arc<Metrics>,
    /// Whether one has failed that this node needs, and where readers of the feed are spawned.
    pub tasks: Tasks,
    /// Cancelled once this node is to stop: it is not ready any more.
    pub stop: CancellationToken,
    /// The farthest due instant, from now.
    pub max_delay: Duration,
    /// The retry policy of timers that name none.
    pub retry: RetryPolicy,
    /// Which targets may be called.
    pub targets: Arc<Policy>,
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// What bodies and answers may take of this node's memory, all together.
    pub memory: Budget,
    /// What may be read of records at once.
    pub reads: Reads,
    /// How long a client may take to send a request's body.
    pub client_timeout: Duration,
    /// How often a reader of a quiet feed hears that it is there.
    pub event_heartbeat: Duration,
    /// How long a request may wait for NATS before it is answered with 503.
    pub patience: Duration,
}

/// What a node answers where it listens for health checks only.
pub fn health_routes(api: Api) -> BoxedFilter<(impl Reply,)> {
    let api = Arc::new(api);
    request::any()
        .then(move |request| {
            let api = api.clone();
            async move { health::only(&api, request).await }
        })
        .boxed()
}

/// All that this node answers.
pub fn routes(api: Api) -> BoxedFilter<(impl Reply,)> {
    let shared = Arc::new((api, Refusals::default()));
    request::any()
        .then(move |request| {
            let shared = shared.clone();
            async move { gate::handle(&shared.0, &shared.1, request).await }
        })
        .boxed()
}
