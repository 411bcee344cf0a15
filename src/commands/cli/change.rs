//! `jettimer change`: gives a waiting timer another due time or another call.

use hyper::Method;

use super::creation::Request;
use super::exit::Exit;
use super::failure::Failure;
use super::timer::{Timer, instant};
use super::{Session, get};
use crate::commands::client::Ask;
use crate::commands::options::{Change, Surroundings};

pub(super) async fn run(args: &Change, around: &Surroundings) -> Result<Exit, Failure> {
    let request = Request::of(args.when.as_ref(), args.url.as_ref(), &args.fields)?;
    if request.is_empty() {
        return Err(Failure::usage(
            "nothing to change: give an option such as --when 20m or --url https://example.com/other",
        ));
    }
    let session = Session::open(&args.common.connection, around, args.common.output)?;
    let ask = Ask::new(Method::PATCH, format!("/timer/{}", args.id)).json(request.to_json()?);
    let answer = session.client.send(ask.header("if-match", args.if_match.as_deref())?).await?;
    if session.out.is_for_people() {
        let timer: Timer = answer.json()?;
        let due = &timer.due_at;
        let line = format!("{} is changed, and due {}, at {}", timer.id, timer.distance(), instant(due));
        session.out.line(&line)?;
    } else {
        get::show(&session, &answer)?;
    }
    Ok(Exit::Done)
}
