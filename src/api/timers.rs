//! `/timer` and the paths below it: creates, reads, changes, cancels, fires and replays one timer.

use uuid::Uuid;
use warp::http::header::{ETAG, LOCATION};
use warp::http::{HeaderValue, StatusCode};

use super::answer::{self, Answer};
use super::call::Call;
use super::json::Json;
use super::parts::Api;
use super::problem::{FieldError, Problem};
use super::query::Params;
use super::{draft, idempotency, owner, precondition, traceparent};
use crate::foundation::timer_json::{self, View, Waiting};
use crate::nats::Stored;
use crate::node::engine::{Applied, Created, Engine, Patience};
use rules::domain::change::Change;
use rules::domain::machine::{Command, Refusal};
use rules::domain::timer::Timer;
use rules::receivers::Trouble;

pub(super) async fn create(call: &mut Call<'_>) -> Result<Answer, Problem> {
    Params::none(&call.request.query)?;
    let key = idempotency::key(&call.request.headers)?;
    let mut json = call.json().await?;
    let key = idempotency::take(&mut json.value)?.or(key);
    let (status, stored) = create_one(call, json, key.as_deref(), call.patience()).await?;
    let mut answer = show(call, status, &stored, View::Summary);
    // Relative to `/timer`, the path of the request: a proxy may have put the node behind a prefix that it does not mention.
    if status == StatusCode::CREATED
        && let Ok(location) = HeaderValue::from_str(&format!("timer/{}", stored.timer.id))
    {
        answer.headers_mut().insert(LOCATION, location);
    }
    Ok(answer)
}

/// Creates one timer: 201, or 200 if the same request has created it before.
pub(super) async fn create_one(
    call: &Call<'_>,
    json: Json,
    key: Option<&str>,
    patience: Patience,
) -> Result<(StatusCode, Box<Stored>), Problem> {
    let owner = owner::of(call.token(), call.may_all(), &json.value);
    let length = json.bytes.len();
    let (id, fingerprint, json) = match key {
        Some(key) => {
            // The owner's name, and not that of the token that sends the request: an import by the owner and one by an admin make the same
            // timers.
            let owner = owner.as_ref().map_or_else(|_| call.token(), Option::as_deref);
            let id = idempotency::id_of(owner, key);
            // The text is parsed again for that.
            let digested = move || (Some(idempotency::fingerprint(&json)), json);
            let (fingerprint, json) = call.api.parsing.of_text(length, digested).await;
            (id, fingerprint, json)
        }
        None => (Uuid::now_v7(), None, json),
    };
    let read = draft::read(&json, &call.rules(), id, fingerprint, call.now());
    // A timer is smaller than the values that it was read from, and NATS may take its time.
    drop(json);
    let read = match (read, owner) {
        (Ok(timer), Ok(created_by)) => {
            Ok(Box::new(Timer { created_by, traceparent: traceparent::of(&call.request.headers), ..timer }))
        }
        (read, owner) => Err(read.err().into_iter().flatten().chain(owner.err()).collect::<Vec<_>>()),
    };
    let timer = match read {
        Ok(timer) => timer,
        // A creation that was valid when it first came may no longer be valid: its instant has passed.
        Err(errors) if key.is_some() => {
            let earlier = Box::pin(call.engine.read(id, patience)).await;
            let earlier = earlier.map_err(|error| Problem::of_nats(&error))?;
            let earlier = earlier.filter(|stored| stored.timer.fingerprint == fingerprint);
            return Ok((StatusCode::OK, Box::new(earlier.ok_or_else(|| Problem::invalid_timer(errors))?)));
        }
        Err(errors) => return Err(Problem::invalid_timer(errors)),
    };
    match call.engine.create(&timer, key.is_some(), patience).await {
        Ok(Created::New(revision)) => Ok((StatusCode::CREATED, Box::new(Stored::new(*timer, revision)))),
        Ok(Created::Begun(stored)) => Ok((StatusCode::CREATED, stored)),
        Ok(Created::Existing(stored)) if stored.timer.fingerprint == fingerprint => {
            Ok((StatusCode::OK, stored))
        }
        Ok(Created::Existing(_)) => Err(Problem::key_reused()),
        Err(error) => Err(Problem::of_nats(&error)),
    }
}

pub(super) async fn read(call: &Call<'_>, id: &str) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    Params::none(&call.request.query)?;
    let _room = call.room_to_read(id).await?;
    match call.engine.read(id, call.patience()).await {
        Ok(Some(stored)) => Ok(show(call, StatusCode::OK, &stored, whole(call))),
        Ok(None) => Err(Problem::no_such_timer(id)),
        Err(error) => Err(Problem::of_nats(&error)),
    }
}

pub(super) async fn change(call: &mut Call<'_>, id: &str) -> Result<Answer, Problem> {
    let id = parse_id(id)?;
    Params::none(&call.request.query)?;
    let json = call.json().await?;
    let change = draft::read_change(&json, &call.rules(), call.now()).map_err(Problem::invalid_timer)?;
    drop(json);
    let change = Change { by: call.token().map(str::to_owned), ..change };
    apply(call, id, Command::Change(Box::new(change)), StatusCode::OK).await
}

pub(super) async fn cancel(call: &Call<'_>, id: &str) -> Result<Answer, Problem> {
    apply(call, parse_id(id)?, Command::Cancel, StatusCode::OK).await
}

pub(super) async fn fire(call: &Call<'_>, id: &str) -> Result<Answer, Problem> {
    apply(call, parse_id(id)?, Command::Fire, StatusCode::ACCEPTED).await
}

pub(super) async fn replay(call: &Call<'_>, id: &str) -> Result<Answer, Problem> {
    apply(call, parse_id(id)?, Command::Replay, StatusCode::ACCEPTED).await
}

async fn apply(call: &Call<'_>, id: Uuid, command: Command, done: StatusCode) -> Result<Answer, Problem> {
    Params::none(&call.request.query)?;
    let only = precondition::revisions(&call.request.headers)?;
    let _room = call.room_to_read(id).await?;
    match call.engine.apply(id, command, only.as_deref(), call.patience()).await {
        Ok(Applied::Done(stored)) => Ok(show(call, done, &stored, whole(call))),
        Ok(Applied::NotFound) => Err(Problem::no_such_timer(id)),
        Ok(Applied::Refused(refusal, stored)) => Err(refused(call, refusal, &stored.timer)),
        Ok(Applied::Changed(stored)) => {
            Err(Problem::precondition_failed(timer_json::to_value(&stored.timer, call.now(), View::Summary)))
        }
        Err(error) => Err(Problem::of_nats(&error)),
    }
}

fn refused(call: &Call<'_>, refusal: Refusal, timer: &Timer) -> Problem {
    let state = || timer_json::to_value(timer, call.now(), View::Summary);
    let (name, attempts) = (timer.state.name(), timer.attempts_started());
    match refusal {
        Refusal::Firing => Problem::too_late(format!("the timer is firing, as attempt {attempts}"), state()),
        Refusal::Final => {
            Problem::too_late(format!("the timer is {name}, after {attempts} attempts"), state())
        }
        Refusal::NotReplayable => Problem::not_replayable(
            format!("the timer is {name}; only failed and unknown timers are replayed"),
            state(),
        ),
        Refusal::BodyInVain => Problem::invalid_timer(vec![FieldError {
            pointer: "/body".to_owned(),
            detail: format!("{} takes no body; change the method too", timer.target.method.as_str()),
        }]),
    }
}

fn whole(call: &Call<'_>) -> View {
    View::Whole { bodies: call.shows_bodies() }
}

fn shown(call: &Call<'_>, timer: &Timer, view: View) -> String {
    timer_json::to_waiting_text(timer, call.now(), view, waiting(call.api, call.engine, timer))
}

/// The reason for which a due timer waits.
pub(super) fn waiting(api: &Api, engine: &Engine, timer: &Timer) -> Option<Waiting> {
    if !timer.is_due(engine.clock().now()) {
        return None;
    }
    let works = || api.heartbeat.count().iter().any(|(role, count)| role.works() && *count > 0);
    let scale = engine.clock().scale();
    let shown =
        |trouble: Trouble| Waiting::Room(Trouble { lasts: scale.world_to_clock(trouble.lasts), ..trouble });
    let room = api.receivers.waits_for(timer).map(shown);
    room.or_else(|| (!works()).then_some(Waiting::Worker))
}

fn show(call: &Call<'_>, status: StatusCode, stored: &Stored, view: View) -> Answer {
    let mut answer = answer::text(status, "application/json", shown(call, &stored.timer, view));
    if let Ok(etag) = HeaderValue::from_str(&precondition::etag(stored.revision)) {
        answer.headers_mut().insert(ETAG, etag);
    }
    answer
}

fn parse_id(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| Problem::not_an_id(text))
}
