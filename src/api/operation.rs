//! All operations of the API: each path with its methods, and the scope that a token needs.
//!
//! This is the one table of operations. A test compares the OpenAPI document with it.

use warp::http::Method;

use crate::api::access::Scope;

/// An operation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    CreateTimer,
    GetTimer,
    ChangeTimer,
    CancelTimer,
    FireTimer,
    ReplayTimer,
    CreateTimers,
    ListTimers,
    CountTimers,
    CancelTimers,
    ReplayTimers,
    FollowTimers,
    ListReceivers,
    ListNodes,
    Stats,
    ShowInbox,
    EmptyInbox,
    Health,
    Readiness,
    Metrics,
    Document,
    Docs,
    Page,
    PageFile,
}

use Operation as Op;

/// A path, with names in braces for the parts that vary, and the operation of each method.
type Path = (&'static str, &'static [(Method, Operation)]);

/// Paths on nodes of every role.
pub(super) const NODE_PATHS: &[Path] = &[
    ("/healthz", &[(Method::GET, Op::Health)]),
    ("/readyz", &[(Method::GET, Op::Readiness)]),
    ("/receivers", &[(Method::GET, Op::ListReceivers)]),
    ("/nodes", &[(Method::GET, Op::ListNodes)]),
    ("/metrics", &[(Method::GET, Op::Metrics)]),
];

/// Paths on nodes that have the API.
pub(super) const TIMER_PATHS: &[Path] = &[
    ("/timer", &[(Method::POST, Op::CreateTimer)]),
    (
        "/timer/{id}",
        &[(Method::GET, Op::GetTimer), (Method::PATCH, Op::ChangeTimer), (Method::DELETE, Op::CancelTimer)],
    ),
    ("/timer/{id}/fire", &[(Method::POST, Op::FireTimer)]),
    ("/timer/{id}/replay", &[(Method::POST, Op::ReplayTimer)]),
    (
        "/timers",
        &[
            (Method::GET, Op::ListTimers),
            (Method::POST, Op::CreateTimers),
            (Method::DELETE, Op::CancelTimers),
        ],
    ),
    ("/timers/replay", &[(Method::POST, Op::ReplayTimers)]),
    ("/timers/counts", &[(Method::GET, Op::CountTimers)]),
    ("/timers/events", &[(Method::GET, Op::FollowTimers)]),
    ("/stats", &[(Method::GET, Op::Stats)]),
    ("/openapi.json", &[(Method::GET, Op::Document)]),
    ("/docs", &[(Method::GET, Op::Docs)]),
];

/// Paths on nodes that have the page.
pub(super) const PAGE_PATHS: &[Path] = &[
    ("/", &[(Method::GET, Op::Page)]),
    ("/ui_timer", &[(Method::GET, Op::Page)]),
    ("/ui/{version}/{folder}/{file}", &[(Method::GET, Op::PageFile)]),
];

/// Paths on the node of `jettimer dev` only.
pub(super) const DEV_PATHS: &[Path] =
    &[("/dev/inbox", &[(Method::GET, Op::ShowInbox), (Method::DELETE, Op::EmptyInbox)])];

/// Every operation, with its path and method.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static Method, Operation)> {
    let paths = NODE_PATHS.iter().chain(TIMER_PATHS).chain(PAGE_PATHS).chain(DEV_PATHS);
    paths.flat_map(|(path, methods)| methods.iter().map(|(method, operation)| (*path, method, *operation)))
}

impl Operation {
    /// The scope that a token needs; `None` if the operation is open to everyone.
    pub(super) fn scope(self) -> Option<Scope> {
        match self {
            Op::GetTimer
            | Op::ListTimers
            | Op::CountTimers
            | Op::FollowTimers
            | Op::ListReceivers
            | Op::ListNodes
            | Op::Stats
            | Op::ShowInbox
            | Op::Metrics => Some(Scope::Read),
            Op::CreateTimer
            | Op::ChangeTimer
            | Op::CancelTimer
            | Op::FireTimer
            | Op::ReplayTimer
            | Op::CreateTimers
            | Op::EmptyInbox => Some(Scope::Write),
            Op::CancelTimers | Op::ReplayTimers => Some(Scope::Admin),
            Op::Health | Op::Readiness | Op::Document | Op::Docs | Op::Page | Op::PageFile => None,
        }
    }
}
