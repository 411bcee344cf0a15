//! HTTP in: the API of `api.md`, and the only place that names `warp`.
//!
//! Filters take requests apart, handlers answer; no handler rejects, so that each error is made in
//! `problem` and nowhere else. A path's filter takes every method, since only then can a wrong one
//! be answered with the right `Allow`.

mod draft;
mod health;
mod idempotency;
mod listen;
mod problem;
mod request;
mod timer_json;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::{Filter as _, Reply};

use crate::domain::retry::RetryPolicy;
use crate::engine::Engine;
use crate::nats::Link;
use problem::{Answer, Problem};

pub use listen::serve;

/// What the API needs and is told by the configuration.
#[derive(Clone)]
pub struct Api {
    /// Does what clients ask for; absent on a node that only works.
    pub engine: Option<Engine>,
    /// For readiness.
    pub link: Link,
    /// Cancelled once this node is to stop: it is not ready any more.
    pub stop: CancellationToken,
    /// The farthest due instant, from now.
    pub max_delay: Duration,
    /// The retry policy of timers that name none.
    pub retry: RetryPolicy,
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// How long a request may wait for NATS before it is answered with 503.
    pub patience: Duration,
}

/// All paths of this node.
pub fn routes(api: Api) -> BoxedFilter<(impl Reply,)> {
    let api = Arc::new(api);
    let nothing = warp::path::full().map(|path: FullPath| Problem::no_such_path(path.as_str()).answer());
    let health = health::routes(api.clone());
    match api.engine.clone() {
        Some(engine) => timers::routes(api, engine).or(health).unify().or(nothing).unify().boxed(),
        None => health.or(nothing).unify().boxed(),
    }
}

/// Answers with the problem, if it is one.
fn answer(result: Result<Answer, Problem>) -> Answer {
    result.unwrap_or_else(Problem::answer)
}
