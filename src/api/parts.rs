//! The parts and settings of a node that its API needs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::access::Permissions;
use super::bulk_places::BulkPlaces;
use super::cors::Origins;
use super::hosts::Hosts;
use super::inbox::Inbox;
use super::memory::{Budget, Reads};
use super::parsing::Parsing;
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
    /// Places of readers of the feed.
    pub feed: Arc<Semaphore>,
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
    /// Where large texts of requests are parsed.
    pub parsing: Parsing,
    /// The turns of creations by requests for many timers.
    pub bulk_places: BulkPlaces,
    /// How long a client may take to send a request's body.
    pub client_timeout: Duration,
    /// How often the reader of a quiet feed gets a heartbeat.
    pub event_heartbeat: Duration,
    /// How long a request may wait for NATS before it is answered with 503.
    pub patience: Duration,
}
