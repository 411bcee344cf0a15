//! Calls the handler of the operation that a request asks for.

use super::answer::Answer;
use super::bulk_apply::Wish;
use super::call::Call;
use super::operation::Operation;
use super::problem::Problem;
use super::request::Request;
use super::{
    Api, bulk, bulk_apply, docs, events, health, inbox, list, measure, metrics, nodes, openapi, page,
    receivers, stats, timers,
};
use crate::api::access::Grant;

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
