//! Calls the handler of the operation that a request asks for.

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::answer::Answer;
use super::bulk_apply::Wish;
use super::draft::Rules;
use super::json::Json;
use super::memory::Part;
use super::operation::Operation;
use super::problem::Problem;
use super::request::Request;
use super::{
    Api, bulk, bulk_apply, docs, events, health, inbox, list, measure, metrics, nodes, openapi, page,
    receivers, stats, timers,
};
use crate::api::access::{Grant, Scope};
use crate::node::engine::{Engine, Patience};
use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// An admitted request about timers.
pub(super) struct Call<'a> {
    pub(super) api: &'a Api,
    pub(super) engine: &'a Engine,
    pub(super) request: Request,
    grant: Option<Grant>,
}

pub(super) async fn operate(
    api: &Api,
    operation: Operation,
    varying: &str,
    request: Request,
    grant: Option<Grant>,
) -> Result<Answer, Problem> {
    // The table has operations on timers only for nodes with an engine.
    let Some(engine) = &api.engine else { return Box::pin(for_every_node(api, operation, &request)).await };
    let mut call = Call { api, engine, request, grant };
    // A request takes the memory of the largest of these futures. So they are in boxes, except the one that most requests need.
    let answered = match operation {
        Operation::CreateTimer => timers::create(&mut call).await,
        Operation::GetTimer => Box::pin(timers::read(&call, varying)).await,
        Operation::ChangeTimer => Box::pin(timers::change(&mut call, varying)).await,
        Operation::CancelTimer => Box::pin(timers::cancel(&call, varying)).await,
        Operation::FireTimer => Box::pin(timers::fire(&call, varying)).await,
        Operation::ReplayTimer => Box::pin(timers::replay(&call, varying)).await,
        Operation::ListTimers => Box::pin(list::list(&call)).await,
        Operation::CountTimers => list::count(&call),
        Operation::CreateTimers => Box::pin(bulk::create(&mut call)).await,
        Operation::CancelTimers => Box::pin(bulk_apply::apply(&mut call, Wish::Cancel)).await,
        Operation::ReplayTimers => Box::pin(bulk_apply::apply(&mut call, Wish::Replay)).await,
        Operation::FollowTimers => Box::pin(events::follow(&call)).await,
        Operation::Stats => Box::pin(stats::show(&call)).await,
        Operation::ShowInbox => inbox::show(api, &call.request),
        Operation::EmptyInbox => inbox::empty(api, &call.request),
        Operation::Document => Ok(openapi::show()),
        Operation::Docs => Ok(docs::PAGE.show()),
        Operation::Page => Ok(page::show(api, &call.request.headers)),
        Operation::PageFile => page::file(varying, &call.request.path),
        Operation::Health
        | Operation::Readiness
        | Operation::ListReceivers
        | Operation::ListNodes
        | Operation::Metrics => Box::pin(for_every_node(api, operation, &call.request)).await,
    };
    if let Some(write) = measure::write_of(operation) {
        let status = answered.as_ref().map_or_else(Problem::status, Answer::status);
        api.metrics.timers.count(write, measure::written(write, status));
    }
    answered
}

async fn for_every_node(api: &Api, operation: Operation, request: &Request) -> Result<Answer, Problem> {
    match operation {
        Operation::Health => Ok(health::live()),
        Operation::Readiness => Ok(health::readiness(api).await),
        Operation::ListReceivers => receivers::list(api, request),
        Operation::ListNodes => nodes::list(api, request),
        Operation::Metrics => Ok(metrics::show(api, &request.headers).await),
        Operation::CreateTimer
        | Operation::GetTimer
        | Operation::ChangeTimer
        | Operation::CancelTimer
        | Operation::FireTimer
        | Operation::ReplayTimer
        | Operation::ListTimers
        | Operation::CountTimers
        | Operation::CancelTimers
        | Operation::ReplayTimers
        | Operation::FollowTimers
        | Operation::CreateTimers
        | Operation::Stats
        | Operation::ShowInbox
        | Operation::EmptyInbox
        | Operation::Document
        | Operation::Docs
        | Operation::Page
        | Operation::PageFile => Err(Problem::no_such_path(&request.path)),
    }
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

    /// Waits for room to read this timer's record. The room is held until the permit is dropped. A record whose size no index knows may be
    /// large.
    pub(super) async fn room_to_read(&self, id: TimerId) -> Result<OwnedSemaphorePermit, Problem> {
        let known = self.api.finder.as_ref().and_then(|finder| finder.ask(|index| index.size(id)).flatten());
        let bytes = known.map_or(self.api.max_body, |size| size.record);
        let room = self.api.reads.room(bytes, self.api.patience).await;
        room.ok_or_else(|| Problem::memory_full_for_answer(false))
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
