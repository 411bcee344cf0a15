//! `jettimer create`: one timer. The request always has an idempotency key, so a creation without an answer can be run again
//! without making a second timer.

use hyper::Method;
use uuid::Uuid;

use super::creation::Request;
use super::exit::Exit;
use super::failure::{Failure, say};
use super::table::clean;
use super::timer::{Timer, instant};
use super::{Session, watch};
use crate::commands::client::{Ask, Error};
use crate::commands::options::{Create, Surroundings};

pub(super) async fn run(args: &Create, around: &Surroundings) -> Result<Exit, Failure> {
    let session = Session::open(&args.common.connection, around, args.common.output)?;
    let body = Request::of(Some(&args.when), Some(&args.url), &args.fields)?.to_json()?;
    let key = args.idempotency_key.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let ask = Ask::new(Method::POST, "/timer").json(body).header("idempotency-key", Some(&quoted(&key)))?;
    let answer = session.client.send(ask).await.map_err(|error| {
        let advice = matches!(error, Error::NoAnswer { .. }).then(|| {
            format!("the timer may have been created; run this again with --idempotency-key {key} to create it once")
        });
        Failure::Asked(error, advice)
    })?;
    let timer: Timer = answer.json()?;
    if !answer.is_new() {
        say(&there_already(&timer));
    }
    let out = &session.out;
    if out.is_json() {
        out.line(&answer.text())?;
    } else if out.is_for_people() {
        let line = if timer.is_pending() {
            format!("{} is due {}, at {}", timer.id, timer.distance(), instant(&timer.due_at))
        } else {
            format!("{} is {}", timer.id, timer.state)
        };
        out.line(&line)?;
    } else {
        out.line(&timer.id)?;
    }
    if args.watch {
        let id = timer.id.parse().map_err(|_| Failure::other("the id in the answer is not a UUID"))?;
        return watch::one(&session, id, None).await;
    }
    Ok(Exit::Done)
}

/// The message for a person whose key has made a timer before. A timer that is over is not made again.
fn there_already(timer: &Timer) -> String {
    if timer.is_pending() {
        return format!(
            "this idempotency key created timer {} before; no second timer was created",
            timer.id
        );
    }
    format!(
        "this idempotency key created timer {} before, which is {} by now: nothing is scheduled\n  another \
         --idempotency-key makes a new timer",
        timer.id,
        clean(&timer.state)
    )
}

/// An idempotency key as a string of RFC 9651, in which it may have any visible character.
fn quoted(key: &str) -> String {
    format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
}
