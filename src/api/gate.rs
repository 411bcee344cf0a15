//! Every request passes here before and after it is answered: id, limits, table of operations, access, rate. A panic becomes an answer, and
//! pages of allowed origins may read the answer.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant, UNIX_EPOCH};

use futures_util::FutureExt as _;
use tracing::Instrument as _;
use warp::http::header::{AUTHORIZATION, DATE};
use warp::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::answer::Answer;
use super::cors::Cors;
use super::head::{self, REQUEST_ID};
use super::inbox;
use super::measure::{self, Measured};
use super::memory::{self, Holder};
use super::operation::Operation;
use super::parts::Api;
use super::problem::Problem;
use super::refusals::Refusals;
use super::request::Request;
use super::route::{self, NoRoute, Serves};
use crate::api::access::{Grant, Quota, Scope};
use crate::foundation::clock::{Clock, TimeScale};
use crate::foundation::metrics::Refused;
use crate::foundation::tasks::panic_text;

/// The last second of the year 9999, the last one that `Date` can show, counted from 1970.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Notes about a request on its way.
struct Passage {
    cors: Cors,
    quota: Option<Quota>,
    measured: Measured,
    /// Whether the request came to the inbox, which answers as the URL asks it to.
    to_inbox: bool,
}

pub(super) async fn handle(api: &Api, refusals: &Refusals, request: Request) -> Answer {
    let id = head::request_id(&request.headers);
    let span = tracing::info_span!("request", id = id.as_str());
    let (method, path) = (request.method.clone(), request.path.clone());
    let mut passage = Passage {
        cors: Cors::of(&api.origins, &method, &request.headers),
        quota: None,
        measured: Measured::begin(&api.metrics),
        to_inbox: false,
    };
    async {
        let result = caught(admit(api, request, &mut passage), &method, &path).await;
        let mut answer = result.unwrap_or_else(|problem| problem.answer(&id));
        passage.measured.answered(answer.status());
        let status = answer.status();
        if passage.to_inbox {
            tracing::debug!(%method, path, status = status.as_u16(), "the inbox answered a request");
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            if let Some(count) = refusals.count(Instant::now()) {
                tracing::warn!(%method, path, count, "answered requests with 503; this is the latest of them");
            }
            tracing::debug!(%method, path, status = 503, "answered");
        } else if status.is_server_error() {
            tracing::warn!(%method, path, status = status.as_u16(), "answered");
        } else {
            tracing::debug!(%method, path, status = status.as_u16(), "answered");
        }
        let headers = answer.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, id);
        }
        if let Some(date) = api.engine.as_ref().and_then(|engine| date_by(engine.clock())) {
            headers.insert(DATE, date);
        }
        if let Some(quota) = passage.quota {
            show_quota(headers, &quota);
        }
        passage.cors.show(headers);
        answer
    }
    .instrument(span)
    .await
}

/// The `Date` of an answer if the node's clock is not the world's: clients that count down go by it. Otherwise the server sets
/// it.
fn date_by(clock: Clock) -> Option<HeaderValue> {
    if clock.scale() == TimeScale::OF_THE_WORLD {
        return None;
    }
    // A date past the year 9999 cannot be written.
    let since_epoch = Duration::from_micros(clock.now().as_micros()).min(LAST_DATE);
    HeaderValue::from_str(&httpdate::fmt_http_date(UNIX_EPOCH + since_epoch)).ok()
}

/// Turns a panic into a problem like any other. Not an `async fn`, which would have room for `answer` twice.
fn caught(
    answer: impl Future<Output = Result<Answer, Problem>>,
    method: &Method,
    path: &str,
) -> impl Future<Output = Result<Answer, Problem>> {
    AssertUnwindSafe(answer).catch_unwind().map(move |answered| {
        answered.unwrap_or_else(|panic| {
            tracing::error!(%method, path, panic = panic_text(&*panic), "a request handler panicked");
            Err(Problem::internal())
        })
    })
}

/// Admits a request and has it answered, or says why not.
async fn admit(api: &Api, request: Request, passage: &mut Passage) -> Result<Answer, Problem> {
    head::within_limits(&request)?;
    head::check(&request.headers)?;
    if let Some(host) = api.hosts.foreign(&request.headers) {
        return Err(Problem::foreign_host(host));
    }
    let path = request.path.clone();
    let inbox = api.inbox.as_ref().filter(|_| inbox::is_inbox(&path));
    if let Some(inbox) = inbox.filter(|_| inbox::is_webhook(&request)) {
        // The inbox needs no token, since a receiver's callers have none. A page of another origin is not such a caller.
        if passage.cors.is_foreign() {
            return Err(Problem::foreign_origin());
        }
        passage.to_inbox = true;
        return inbox::handlers::take(api, inbox, request).await;
    }
    // The page is open to everyone, since it contains no data; the requests that it sends are not.
    if inbox.is_some() && inbox::wants_page(&request) {
        return inbox::handlers::page(&request);
    }
    let timers = api.engine.is_some();
    let serves = Serves { timers, page: timers && api.page, inbox: api.inbox.is_some() };
    let asked = if inbox.is_some() { inbox::PATH } else { &path };
    let (operation, varying) = match route::find(&request.method, asked, serves) {
        Ok(found) => found,
        Err(NoRoute::NotFound) => return Err(Problem::no_such_path(&path)),
        // A preflight has no token and takes nothing from a rate: the browser sends it, not the page.
        Err(NoRoute::OtherMethod(allow)) => {
            return passage.cors.preflight(&allow).ok_or_else(|| Problem::method_not_allowed(&allow));
        }
    };
    passage.measured.asks_for(operation.name);
    let grant = known(api, operation, &request.headers)?;
    if let Some(grant) = &grant {
        request.let_in.note(grant.token().is_some());
    }
    // A page cannot make a browser send a token that the page does not have. Where no token is needed, the page's origin decides.
    let open = grant.as_ref().is_some_and(|grant| grant.token().is_none());
    if open && operation.scope != Some(Scope::Read) && passage.cors.is_foreign() {
        return Err(Problem::foreign_origin());
    }
    if let Some(grant) = &grant {
        passage.quota = api.permissions.spend(grant);
    }
    if let Some(spent) = passage.quota.as_ref().filter(|quota| !quota.allowed) {
        api.metrics.http.refused.count(Refused::Rate);
        return Err(Problem::too_many_requests(spent.retry_after_seconds));
    }
    authorize(api, operation, grant.as_ref())?;
    let mut request = request;
    if let Some(token) = grant.as_ref().and_then(Grant::token) {
        request.holder = Holder::Token(token.to_owned());
    }
    let memory = grant.as_ref().map(|_| api.memory.part(request.holder.clone()));
    let is_done = !request.method.is_safe();
    let mut answered = operation.answer(api, varying, request, grant.clone()).await;
    // An answer that is open to everyone is the same for all clients, and in memory anyway.
    if let (Ok(answer), Some(memory)) = (&mut answered, memory)
        && memory::take_for(answer, memory).is_err()
    {
        answered = Err(Problem::memory_full_for_answer(is_done));
    }
    // A request for many timers has taken more than one from the rate.
    passage.quota = grant.and_then(|grant| grant.quota()).or(passage.quota);
    answered
}

/// The client's grant; `None` if the operation is open to everyone.
fn known(api: &Api, operation: &Operation, headers: &HeaderMap) -> Result<Option<Grant>, Problem> {
    if operation.scope.is_none() {
        return Ok(None);
    }
    let credentials = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or("?"));
    let grant = api.permissions.check(credentials).map_err(|denied| {
        api.metrics.http.refused.count(measure::refused(denied));
        Problem::unauthorized(&denied)
    })?;
    Ok(Some(grant))
}

/// Checks the grant's scope. This comes after the rate, because refused requests count towards the rate, too.
fn authorize(api: &Api, operation: &Operation, grant: Option<&Grant>) -> Result<(), Problem> {
    if let (Some(scope), Some(grant)) = (operation.scope, grant)
        && !grant.may(scope)
    {
        api.metrics.http.refused.count(Refused::Scope);
        return Err(Problem::forbidden(grant.name(), scope));
    }
    Ok(())
}

/// How much of the rate is left (draft-ietf-httpapi-ratelimit-headers-10).
fn show_quota(headers: &mut HeaderMap, quota: &Quota) {
    let policy = format!("\"default\";q={};w={}", quota.limit, quota.window_seconds);
    let state = format!("\"default\";r={};t={}", quota.remaining, quota.reset_seconds);
    for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_of_a_handler_is_answered_as_a_problem() {
        let handler = async { panic!("{}", "out of range") };
        let problem = caught(handler, &Method::GET, "/timers").await.expect_err("a problem");
        let answer = problem.answer("r");
        assert_eq!(answer.status(), 500);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        expect_test::expect![[r#"{"detail":"this is a fault of jettimer; the log describes it under the request_id of this answer","request_id":"r","status":500,"title":"Internal error","type":"urn:jettimer:problem:internal"}"#]].assert_eq(std::str::from_utf8(&body).unwrap());
    }
}
