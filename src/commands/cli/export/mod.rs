//! `jettimer export`: writes pending timers as creations that `import` reads: the same call at the same instant. It leaves out
//! ids, since a node chooses them, and the history of each timer.
//!
//! It reads the list in order of creation, so that timers created meanwhile come at the end. It reads each timer separately,
//! since a list has no headers and bodies.

mod creation;
mod target;

use std::io::IsTerminal as _;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hyper::Method;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;

use super::Session;
use super::exit::Exit;
use super::failure::{Failure, say};
use super::pages;
use super::patience::Patience;
use crate::commands::client::{Ask, Error};
use crate::commands::options::{Export, Form, Surroundings};
use creation::Whole;
use rules::domain::state_kind::StateKind;
use target::Target;

/// How many timers are read at the same time.
const AT_ONCE: usize = 32;

/// How many timers are read before the written lines are safe on disk: the most that a resumed export reads again.
const PAGE: u64 = 500;

const SORT: &str = "created";

#[derive(Deserialize)]
struct Listed {
    id: String,
}

pub(super) async fn run(args: &Export, around: &Surroundings) -> Result<Exit, Failure> {
    let session = Session::open(&args.connection, around, Form::Plain)?;
    let mut filter = args.which.pairs();
    filter.push(("state".to_owned(), StateKind::Scheduled.name().to_owned()));
    let mut target = Target::open(args.file.as_deref(), args.resume, &pages::query(&filter))?;
    let bar = bar();
    let written = tokio::select! {
        written = all(&session, args, &filter, &mut target, &bar) => written,
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::from).and(Err(Failure::Other(
            Exit::Interrupted,
            target.advice().to_owned(),
        ))),
    };
    bar.finish_and_clear();
    let is_whole = written?;
    let count = target.finish()?;
    say(&format!("{count} timers written"));
    if !is_whole {
        say("the export is incomplete: the node's index leaves out some timers (--index-limit of the node)");
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}

/// Writes all timers of the list; says whether the list was complete.
async fn all(
    session: &Session,
    args: &Export,
    filter: &[(String, String)],
    target: &mut Target,
    bar: &ProgressBar,
) -> Result<bool, Failure> {
    let patience = Patience::new(args.patience.retry_for);
    let mut is_whole = true;
    loop {
        let asked = (SORT, PAGE, target.cursor());
        let page = pages::page(&session.client, filter, asked, &mut patience.clone()).await?;
        is_whole &= page.complete;
        let read = page.timers.iter().map(|timer| serde_json::from_str::<Listed>(timer.get()));
        let listed: Result<Vec<Listed>, _> = read.collect();
        let listed =
            listed.map_err(|error| Failure::other(format!("cannot read the list of timers: {error}")))?;
        let lines: Vec<Option<String>> = stream::iter(listed)
            .map(|listed| line(session, listed.id, patience.clone()))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let lines: Vec<String> = lines.into_iter().flatten().collect();
        bar.inc(lines.len() as u64);
        target.write(&lines, page.next.as_deref())?;
        if page.next.is_none() {
            return Ok(is_whole);
        }
    }
}

/// The line of a timer; `None` if the timer is no longer pending.
async fn line(session: &Session, id: String, mut patience: Patience) -> Result<Option<String>, Failure> {
    let ask = Ask::new(Method::GET, format!("/timer/{id}"));
    let answer = match patience.send(&session.client, &ask).await {
        Ok(answer) => answer,
        Err(Error::Problem(problem)) if problem.kind() == "timer-not-found" => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let text = answer.text();
    let whole: Whole<'_> = serde_json::from_str(&text)
        .map_err(|error| Failure::other(format!("cannot read timer {id}: {error}")))?;
    if whole.is_hidden() {
        return Err(Failure::Other(
            Exit::NotAllowed,
            format!(
                "the node hides headers and body of timer {id}: use a token with the scope read-body\n  \
                 without them, the exported timer would make a different call"
            ),
        ));
    }
    whole.creation().map_err(|error| Failure::other(format!("cannot write timer {id}: {error}")))
}

fn bar() -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("export {spinner} {pos} timers  {per_sec}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}
