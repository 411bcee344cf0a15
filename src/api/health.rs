//! `/healthz`: the process answers. `/readyz`: it can do its work.

use std::sync::Arc;

use serde_json::json;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use warp::http::{HeaderValue, Method, Response, StatusCode};

use super::Api;
use super::problem::{Answer, Problem};

pub(super) fn routes(api: Arc<Api>) -> BoxedFilter<(Answer,)> {
    let live = warp::path!("healthz").and(warp::method()).map(|method| match method {
        Method::GET | Method::HEAD => show(StatusCode::OK, "ok", None),
        _ => Problem::method_not_allowed("GET, HEAD").answer(),
    });
    let ready = warp::path!("readyz").and(warp::method()).then(move |method| {
        let api = api.clone();
        async move {
            match method {
                Method::GET | Method::HEAD => readiness(&api).await,
                _ => Problem::method_not_allowed("GET, HEAD").answer(),
            }
        }
    });
    live.or(ready).unify().boxed()
}

async fn readiness(api: &Api) -> Answer {
    if api.stop.is_cancelled() {
        return show(StatusCode::SERVICE_UNAVAILABLE, "stopping", None);
    }
    match api.link.check().await {
        Ok(()) => show(StatusCode::OK, "ready", None),
        Err(error) => show(StatusCode::SERVICE_UNAVAILABLE, "not_ready", Some(error.to_string())),
    }
}

fn show(status: StatusCode, word: &str, reason: Option<String>) -> Answer {
    let mut body = json!({ "status": word, "version": env!("CARGO_PKG_VERSION") });
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    let mut answer = Response::new(body.to_string());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}
