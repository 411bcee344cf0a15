//! `jettimer create`: one timer. It always has a key, so that what got no answer can be run again without a second
//! timer.

use hyper::Method;
use uuid::Uuid;

use super::creation::Request;
use super::exit::Exit;
use super::failure::Failure;
use super::timer::{Timer, instant};
use super::{Session, watch};
use crate::client::{Ask, Error};
use crate::config::{Create, Surroundings};

pub(super) async fn run(args: &Create, around: &Surroundings) -> Result<Exit, Failure> {
    let session = Session::open(&args.common.connection, around, args.common.output)?;
    let body = Request::of(Some(&args.when), Some(&args.url), &args.fields)?.to_json()?;
    let key = args.idempotency_key.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let ask = Ask::new(Method::POST, "/timer").json(body).header("idempotency-key", Some(&quoted(&key)))?;
    let answer = session.client.send(ask).await.map_err(|error| {
        let advice = matches!(error, Error::NoAnswer { .. }).then(|| {
            format!("whether it was created is not known; run it again with --idempotency-key {key}, and it is created once")
        });
        Failure::Asked(error, advice)
    })?;
    let timer: Timer = answer.json()?;
    let out = &session.out;
    if out.is_json() {
        out.line(&answer.text())?;
    } else if out.is_for_people() {
        let due = &timer.due_at;
        out.line(&format!("{} is due {}, at {}", timer.id, timer.distance(), instant(due)))?;
    } else {
        out.line(&timer.id)?;
    }
    if args.watch {
        let id = timer.id.parse().map_err(|_| Failure::other("the id of the answer is no UUID"))?;
        return watch::one(&session, id, None).await;
    }
    Ok(Exit::Done)
}

/// A key as a string of RFC 9651, in which it may have any visible character.
fn quoted(key: &str) -> String {
    format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
}
