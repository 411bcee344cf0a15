//! All operations of the API, in one table: method and path, the scope that a token needs, names in metrics, and the handler.
//!
//! A test compares the OpenAPI document with this table.

use std::future::ready;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use warp::http::Method;

use super::answer::Answer;
use super::bulk_apply::BulkAction;
use super::call::Call;
use super::parts::Api;
use super::problem::Problem;
use super::request::Request;
use super::{
    bulk, bulk_apply, docs, events, health, inbox, list, measure, metrics, nodes, openapi, page, receivers,
    stats, timers,
};
use crate::api::access::{Grant, Scope};
use crate::foundation::metrics::Write;
use Offered::{Everywhere, InDev, WithApi, WithPage};

/// An operation of the API.
pub(super) struct Operation {
    pub(super) method: Method,
    /// The path, with names in braces for the parts that vary.
    pub(super) path: &'static str,
    /// The scope that a token needs; `None` if the operation is open to everyone.
    pub(super) scope: Option<Scope>,
    /// The name in metrics.
    pub(super) name: &'static str,
    /// The write to one timer, if the operation makes one. An operation on many timers counts each of them itself.
    write: Option<Write>,
    pub(super) offered: Offered,
}

/// The nodes that offer an operation, and its handler.
pub(super) enum Offered {
    /// Nodes of every role.
    Everywhere(for<'c> fn(&'c Api, &'c Request) -> Handled<'c>),
    /// Nodes that have the API.
    WithApi(Handler),
    /// Nodes that have the page.
    WithPage(Handler),
    /// The node of `jettimer dev` only.
    InDev(Handler),
}

/// Answers a call. The text is the part of the path that varies.
type Handler = for<'c> fn(&'c mut Call<'_>, &'c str) -> Handled<'c>;

/// The future of a handler, in a box: otherwise each request would take the memory of the largest of these futures.
type Handled<'c> = BoxFuture<'c, Result<Answer, Problem>>;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

const OPEN: Option<Scope> = None;
const READ: Option<Scope> = Some(Scope::Read);
const WRITE: Option<Scope> = Some(Scope::Write);
const ADMIN: Option<Scope> = Some(Scope::Admin);

/// Every operation. `Allow` names the methods of a path in this order.
#[rustfmt::skip]
pub(super) const OPERATIONS: &[Operation] = &[
    // Method, path, scope, name, write to one timer, nodes and handler.
    row(GET,    "/healthz",          OPEN,  "health",         None, Everywhere(|_, _| ready(Ok(health::live())).boxed())),
    row(GET,    "/readyz",           OPEN,  "readiness",      None, Everywhere(|api, _| health::readiness(api).map(Ok).boxed())),
    row(GET,    "/receivers",        READ,  "list_receivers", None, Everywhere(|api, asked| ready(receivers::list(api, asked)).boxed())),
    row(GET,    "/nodes",            READ,  "list_nodes",     None, Everywhere(|api, asked| ready(nodes::list(api, asked)).boxed())),
    row(GET,    "/metrics",          READ,  "metrics",        None, Everywhere(|api, asked| metrics::show(api, asked).map(Ok).boxed())),
    row(POST,   "/timer",            WRITE, "create_timer",   Some(Write::Create), WithApi(|call, _| timers::create(call).boxed())),
    row(GET,    "/timer/{id}",       READ,  "get_timer",      None, WithApi(|call, id| timers::read(call, id).boxed())),
    row(PATCH,  "/timer/{id}",       WRITE, "change_timer",   Some(Write::Change), WithApi(|call, id| timers::change(call, id).boxed())),
    row(DELETE, "/timer/{id}",       WRITE, "cancel_timer",   Some(Write::Cancel), WithApi(|call, id| timers::cancel(call, id).boxed())),
    row(POST,   "/timer/{id}/fire",  WRITE, "fire_timer",     Some(Write::Fire), WithApi(|call, id| timers::fire(call, id).boxed())),
    row(POST,   "/timer/{id}/replay", WRITE, "replay_timer",   Some(Write::Replay), WithApi(|call, id| timers::replay(call, id).boxed())),
    row(GET,    "/timers",           READ,  "list_timers",    None, WithApi(|call, _| list::list(call).boxed())),
    row(POST,   "/timers",           WRITE, "create_timers",  None, WithApi(|call, _| bulk::create(call).boxed())),
    row(DELETE, "/timers",           ADMIN, "cancel_timers",  None, WithApi(|call, _| bulk_apply::apply(call, BulkAction::Cancel).boxed())),
    row(POST,   "/timers/replay",    ADMIN, "replay_timers",  None, WithApi(|call, _| bulk_apply::apply(call, BulkAction::Replay).boxed())),
    row(GET,    "/timers/counts",    READ,  "count_timers",   None, WithApi(|call, _| ready(list::count(call)).boxed())),
    row(GET,    "/timers/events",    READ,  "follow_timers",  None, WithApi(|call, _| events::follow(call).boxed())),
    row(GET,    "/stats",            READ,  "show_stats",     None, WithApi(|call, _| stats::show(call).boxed())),
    row(GET,    "/openapi.json",     OPEN,  "document",       None, WithApi(|_, _| ready(Ok(openapi::show())).boxed())),
    row(GET,    "/docs",             OPEN,  "docs",           None, WithApi(|_, _| ready(Ok(docs::PAGE.show())).boxed())),
    row(GET,    "/",                 OPEN,  "page",           None, WithPage(|call, _| ready(Ok(page::show(call))).boxed())),
    row(GET,    "/ui_timer",         OPEN,  "page",           None, WithPage(|call, _| ready(Ok(page::show(call))).boxed())),
    row(GET,    "/ui/{version}/{folder}/{file}", OPEN,  "page_file", None, WithPage(|call, file| ready(page::file(call, file)).boxed())),
    row(GET,    "/dev/inbox",        READ,  "show_inbox",     None, InDev(|call, _| ready(inbox::handlers::show(call)).boxed())),
    row(DELETE, "/dev/inbox",        WRITE, "empty_inbox",    None, InDev(|call, _| ready(inbox::handlers::empty(call)).boxed())),
];

const fn row(
    method: Method,
    path: &'static str,
    scope: Option<Scope>,
    name: &'static str,
    write: Option<Write>,
    offered: Offered,
) -> Operation {
    Operation { method, path, scope, name, write, offered }
}

impl Operation {
    /// Has the handler answer a request, and counts the write to a timer.
    pub(super) async fn answer(
        &self,
        api: &Api,
        varying: &str,
        request: Request,
        grant: Option<Grant>,
    ) -> Result<Answer, Problem> {
        let answered = match self.offered {
            Everywhere(handle) => handle(api, &request).await,
            WithApi(handle) | WithPage(handle) | InDev(handle) => {
                // `route` finds these only on nodes with an engine.
                let Some(engine) = &api.engine else { return Err(Problem::no_such_path(&request.path)) };
                handle(&mut Call { api, engine, request, grant }, varying).await
            }
        };
        if let Some(write) = self.write {
            let status = answered.as_ref().map_or_else(Problem::status, Answer::status);
            api.metrics.timers.count(write, measure::written(write, status));
        }
        answered
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_path_has_a_method_twice() {
        let all: HashSet<_> =
            OPERATIONS.iter().map(|operation| (&operation.method, operation.path)).collect();
        assert_eq!(all.len(), OPERATIONS.len());
    }
}
