//! Applies an operation to many timers, by their ids: each id has a result, and no timer holds up the others.

use std::io::{BufRead as _, IsTerminal as _};

use futures_util::{StreamExt as _, stream};
use hyper::Method;
use uuid::Uuid;

use super::Session;
use super::exit::Exit;
use super::failure::Failure;
use super::fault;
use super::table::Cell;
use super::timer::{Timer, state};
use crate::commands::client::{Answer, Ask, Error};
use crate::commands::options::Ids;

/// How many requests are under way at once.
const AT_ONCE: usize = 16;

/// The operation on a timer.
#[derive(Clone, Copy)]
pub(super) enum ManyAction {
    Cancel,
    Fire,
    Replay,
}

impl ManyAction {
    fn ask(self, id: Uuid) -> Ask {
        match self {
            Self::Cancel => Ask::new(Method::DELETE, format!("/timer/{id}")),
            Self::Fire => Ask::new(Method::POST, format!("/timer/{id}/fire")),
            Self::Replay => Ask::new(Method::POST, format!("/timer/{id}/replay")),
        }
    }

    /// The timer's new condition, in a word for people.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Fire => "fired",
            Self::Replay => "replayed",
        }
    }
}

/// Applies the operation to each of these timers; the exit code is that of the first failure.
pub(super) async fn apply(session: &Session, wish: ManyAction, ids: &Ids) -> Result<Exit, Failure> {
    let all = read(&ids.ids)?;
    if ids.if_match.is_some() && all.len() != 1 {
        return Err(Failure::usage("--if-match applies to one timer: give a single id"));
    }
    let asks = all.into_iter().map(|id| (id, wish.ask(id).header("if-match", ids.if_match.as_deref())));
    let mut answers = stream::iter(asks)
        .map(async |(id, ask)| {
            (
                id,
                match ask {
                    Ok(ask) => session.client.send(ask).await,
                    Err(error) => Err(error),
                },
            )
        })
        .buffered(AT_ONCE);
    let mut exit = Exit::Done;
    while let Some((id, answer)) = answers.next().await {
        match answer {
            Ok(answer) => done(session, wish, &answer)?,
            Err(error) => {
                if exit == Exit::Done {
                    exit = Exit::of(&error);
                }
                refused(id, &error);
                // The other requests would wait for the same server.
                if matches!(error, Error::Unreachable { .. }) {
                    break;
                }
            }
        }
    }
    Ok(exit)
}

fn done(session: &Session, wish: ManyAction, answer: &Answer) -> Result<(), Failure> {
    if session.out.is_json() {
        return Ok(session.out.line(&answer.text())?);
    }
    let timer: Timer = answer.json()?;
    if session.out.is_for_people() {
        return Ok(session.out.line(&format!("{} is {}", timer.id, wish.done()))?);
    }
    Ok(session.out.rows(&[], &[vec![Cell::new(&timer.id), state(&timer.state)]])?)
}

fn refused(id: Uuid, error: &Error) {
    super::failure::say(&format!("{id}: {}", fault::told(error, None)));
}

/// The ids that are given, or those on standard input.
fn read(given: &[String]) -> Result<Vec<Uuid>, Failure> {
    let mut ids = vec![];
    for text in given {
        if text == "-" {
            if std::io::stdin().is_terminal() {
                super::failure::say("reading ids from standard input, one per line, until Ctrl-D");
            }
            for line in std::io::stdin().lock().lines() {
                let line =
                    line.map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?;
                // Only the first word: lines of `jettimer list` begin with the id.
                let line = line.trim_start_matches('\u{feff}');
                ids.extend(line.split_whitespace().next().map(parse).transpose()?);
            }
        } else {
            ids.push(parse(text)?);
        }
    }
    Ok(ids)
}

fn parse(text: &str) -> Result<Uuid, Failure> {
    text.parse().map_err(|_| Failure::usage(format!("{text:?} is not a timer's id: an id is a UUID")))
}
