//! An admitted request about timers, as its handler gets it: with its client's rights and rate, and the node's parts.

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::draft::Rules;
use super::json::Json;
use super::memory::Part;
use super::parts::Api;
use super::problem::Problem;
use super::request::Request;
use crate::api::access::{Grant, Scope};
use crate::node::engine::{Engine, Patience};
use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// An admitted request about timers.
pub(super) struct Call<'a> {
    pub(super) api: &'a Api,
    pub(super) engine: &'a Engine,
    pub(super) request: Request,
    /// The rights and the rate of the client; `None` if the operation is open to everyone.
    pub(super) grant: Option<Grant>,
}

impl Call<'_> {
    /// Reads the request's body as JSON.
    pub(super) async fn json(&mut self) -> Result<Json, Problem> {
        self.request.json(self.api.max_body, self.api.client_timeout, &self.api.memory).await
    }

    /// An empty part of the memory, for the answer to this client.
    pub(super) fn memory(&self) -> Part {
        self.api.memory.part(self.request.holder.clone())
    }

    /// Waits for room to read this timer's record. The room is held until the permit is dropped.
    pub(super) async fn room_to_read(&self, id: TimerId) -> Result<OwnedSemaphorePermit, Problem> {
        self.room_for(id).await.ok_or_else(|| Problem::memory_full_for_answer(false))
    }

    /// As [`room_to_read`](Self::room_to_read); `None` without room.
    pub(super) async fn room_for(&self, id: TimerId) -> Option<OwnedSemaphorePermit> {
        let size = self.api.finder.as_ref().and_then(|finder| finder.ask(|index| index.size(id)).flatten());
        self.api.reads.room(size.map(|size| size.record), self.api.patience).await
    }

    /// Whether the client may see headers and bodies of timers.
    pub(super) fn shows_bodies(&self) -> bool {
        self.grant.as_ref().is_some_and(|grant| grant.may(Scope::ReadBody))
    }

    /// Whether the client may do everything.
    pub(super) fn may_all(&self) -> bool {
        self.grant.as_ref().is_some_and(|grant| grant.may(Scope::Admin))
    }

    /// The name of the client's token, if it needs one.
    pub(super) fn token(&self) -> Option<&str> {
        self.grant.as_ref().and_then(Grant::token)
    }

    /// Takes this many timers off the rate, and returns for how many of them it suffices, in order. The first one is paid for by the
    /// request itself.
    pub(super) fn spend_for(&self, timers: usize) -> usize {
        let more = u64::try_from(timers.saturating_sub(1)).unwrap_or(u64::MAX);
        let granted = self.grant.as_ref().map_or(more, |grant| grant.spend_up_to(more));
        usize::try_from(granted).unwrap_or(usize::MAX).saturating_add(1).min(timers)
    }

    /// The problem of a timer that the rate does not suffice for.
    pub(super) fn beyond_the_rate(&self) -> Problem {
        let quota = self.grant.as_ref().and_then(Grant::quota);
        Problem::too_many_requests(quota.map_or(1, |quota| quota.retry_after_seconds))
    }

    pub(super) fn rules(&self) -> Rules {
        Rules { max_delay: self.api.max_delay, retry: self.api.retry, targets: self.api.targets.clone() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// The engine's patience: as long as a client waits.
    pub(super) fn patience(&self) -> Patience {
        Patience::Until(Instant::now() + self.api.patience)
    }
}
