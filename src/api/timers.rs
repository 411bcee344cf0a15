//! `/timer` and `/timer/{id}`: create, read, reschedule and cancel one timer.

use std::sync::Arc;

use bytes::Buf;
use futures_util::Stream;
use tokio::time::Instant;
use uuid::Uuid;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use warp::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::draft::{self, Rules};
use super::problem::{Answer, Problem};
use super::{Api, answer, idempotency, request, timer_json};
use crate::domain::machine::{Input, Refusal};
use crate::domain::time::Timestamp;
use crate::engine::{Applied, Created, Engine, Patience};
use crate::nats::Stored;

pub(super) fn routes(api: Arc<Api>, engine: Engine) -> BoxedFilter<(Answer,)> {
    let timers = Timers { api, engine };
    let with_timers = warp::any().map(move || timers.clone());

    let all = warp::path!("timer")
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .and(with_timers.clone())
        .then(|method, headers: HeaderMap, body, timers: Timers| async move {
            match method {
                Method::POST => answer(timers.create(&headers, body).await),
                _ => Problem::method_not_allowed("POST").answer(),
            }
        });
    let one = warp::path!("timer" / String)
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .and(with_timers)
        .then(|id: String, method, headers: HeaderMap, body, timers: Timers| async move {
            match method {
                Method::GET | Method::HEAD => answer(timers.read(&id).await),
                Method::PATCH => answer(timers.reschedule(&id, &headers, body).await),
                Method::DELETE => answer(timers.cancel(&id).await),
                _ => Problem::method_not_allowed("GET, HEAD, PATCH, DELETE").answer(),
            }
        });
    all.or(one).unify().boxed()
}

#[derive(Clone)]
struct Timers {
    api: Arc<Api>,
    engine: Engine,
}

impl Timers {
    async fn create<B: Buf>(
        &self,
        headers: &HeaderMap,
        body: impl Stream<Item = Result<B, warp::Error>>,
    ) -> Result<Answer, Problem> {
        let key = idempotency::key(headers)?;
        let json = request::json(headers, body, self.api.max_body).await?;
        let now = self.now();
        let (id, fingerprint) = match &key {
            Some(key) => (idempotency::id_of(key), Some(idempotency::fingerprint(&json.value))),
            None => (Uuid::now_v7(), None),
        };
        let timer =
            draft::read(&json, &self.rules(), id, fingerprint, now).map_err(Problem::invalid_timer)?;
        match self.engine.create(timer, key.is_some(), self.patience()).await {
            Ok(Created::New(stored)) => {
                let mut answer = self.show(StatusCode::CREATED, &stored);
                if let Ok(location) = HeaderValue::from_str(&format!("/timer/{id}")) {
                    answer.headers_mut().insert(LOCATION, location);
                }
                Ok(answer)
            }
            Ok(Created::Existing(stored)) if stored.timer.fingerprint == fingerprint => {
                Ok(self.show(StatusCode::OK, &stored))
            }
            Ok(Created::Existing(_)) => Err(Problem::key_reused()),
            Err(error) => Err(Problem::of_nats(&error)),
        }
    }

    async fn read(&self, id: &str) -> Result<Answer, Problem> {
        let id = parse_id(id)?;
        match self.engine.read(id, self.patience()).await {
            Ok(Some(stored)) => Ok(self.show(StatusCode::OK, &stored)),
            Ok(None) => Err(Problem::no_such_timer(id)),
            Err(error) => Err(Problem::of_nats(&error)),
        }
    }

    async fn reschedule<B: Buf>(
        &self,
        id: &str,
        headers: &HeaderMap,
        body: impl Stream<Item = Result<B, warp::Error>>,
    ) -> Result<Answer, Problem> {
        let id = parse_id(id)?;
        let json = request::json(headers, body, self.api.max_body).await?;
        let due_at =
            draft::read_change(&json.value, &self.rules(), self.now()).map_err(Problem::invalid_timer)?;
        self.apply(id, Input::Reschedule { due_at }).await
    }

    async fn cancel(&self, id: &str) -> Result<Answer, Problem> {
        self.apply(parse_id(id)?, Input::Cancel).await
    }

    async fn apply(&self, id: Uuid, input: Input) -> Result<Answer, Problem> {
        match self.engine.apply(id, input, self.patience()).await {
            Ok(Applied::Done(stored)) => Ok(self.show(StatusCode::OK, &stored)),
            Ok(Applied::NotFound) => Err(Problem::no_such_timer(id)),
            Ok(Applied::Refused(refusal, stored)) => {
                let timer = &stored.timer;
                let detail = match refusal {
                    Refusal::Firing => {
                        format!("the timer is firing, as attempt {}", timer.attempts_started())
                    }
                    Refusal::Final => {
                        format!(
                            "the timer is {}, after {} attempts",
                            timer.state.name(),
                            timer.attempts_started()
                        )
                    }
                };
                Err(Problem::too_late(detail, timer_json::to_value(timer, self.now())))
            }
            Err(error) => Err(Problem::of_nats(&error)),
        }
    }

    fn show(&self, status: StatusCode, stored: &Stored) -> Answer {
        let mut answer = Response::new(timer_json::to_text(&stored.timer, self.now()));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", stored.revision)) {
            headers.insert(ETAG, etag);
        }
        answer
    }

    fn rules(&self) -> Rules {
        Rules { max_delay: self.api.max_delay, retry: self.api.retry }
    }

    fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    fn patience(&self) -> Patience {
        Patience::Until(Instant::now() + self.api.patience)
    }
}

fn parse_id(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::not_an_id(text))
}
