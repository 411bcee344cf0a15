//! `jettimer cancel` and `jettimer replay`: by ids, or by a filter with the options of `list`. The node first counts the timers
//! that the filter matches, and a person confirms the count.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::Session;
use super::exit::Exit;
use super::failure::{Failure, say};
use super::many::{self, ManyAction};
use super::pages::query;
use super::patience::Patience;
use crate::commands::client::{Ask, Error};
use crate::commands::options::{Many, Surroundings};

/// How long the index of a node may trail recent changes. After that, timers that it still reports as matching are not believed.
const TRAILS_FOR: Duration = Duration::from_secs(10);
/// How long the command waits for a token's rate that is used up.
const RATE_WITHIN: Duration = Duration::from_secs(120);
/// The pause before the next request.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What one request did to the timers that match the filter.
#[derive(Deserialize)]
struct Counted {
    matched: u64,
    #[serde(alias = "cancelled", alias = "replayed")]
    done: u64,
    too_late: u64,
    more: bool,
}

pub(super) async fn cancel(args: &Many, around: &Surroundings) -> Result<Exit, Failure> {
    run(args, around, ManyAction::Cancel, (Method::DELETE, "/timers")).await
}

pub(super) async fn replay(args: &Many, around: &Surroundings) -> Result<Exit, Failure> {
    run(args, around, ManyAction::Replay, (Method::POST, "/timers/replay")).await
}

async fn run(
    args: &Many,
    around: &Surroundings,
    wish: ManyAction,
    path: (Method, &str),
) -> Result<Exit, Failure> {
    let filter = args.filter.pairs();
    match (args.ids.ids.is_empty(), filter.is_empty()) {
        (true, true) => {
            return Err(Failure::usage(
                "no timers are selected: give ids, or options such as --host or --metadata",
            ));
        }
        (false, false) => {
            return Err(Failure::usage(
                "ids and options that select timers cannot be combined: give one of them",
            ));
        }
        (false, true) => {
            let session = Session::open(&args.common.connection, around, args.common.output)?;
            return many::apply(&session, wish, &args.ids).await;
        }
        (true, false) => {}
    }
    if args.ids.if_match.is_some() {
        return Err(Failure::usage("--if-match applies to one timer: give its id"));
    }
    let session = Session::open(&args.common.connection, around, args.common.output)?;
    by_filter(&session, args, wish, path, filter).await
}

async fn by_filter(
    session: &Session,
    args: &Many,
    wish: ManyAction,
    (method, path): (Method, &str),
    filter: Vec<(String, String)>,
) -> Result<Exit, Failure> {
    let asked = |dry_run: bool| {
        let mut pairs = filter.clone();
        pairs.push(("dry_run".to_owned(), dry_run.to_string()));
        Ask::new(method.clone(), format!("{path}{}", query(&pairs)))
    };
    if args.dry_run || !args.yes {
        let counted: Counted = session.client.send(asked(true)).await?.json()?;
        let over = if counted.more { "more than " } else { "" };
        let words = format!("{over}{} would be {}", timers(counted.matched), wish.done());
        if args.dry_run || counted.matched == 0 {
            return told(session, wish, &counted, args.dry_run, &words);
        }
        if !confirmed(&format!("{words}. Continue?"))? {
            say("nothing was done");
            return Ok(Exit::Failed);
        }
    }
    let mut total = Counted { matched: 0, done: 0, too_late: 0, more: true };
    let mut patience = Patience::new(TRAILS_FOR);
    let mut pace = Patience::new(RATE_WITHIN);
    while total.more {
        let counted: Counted = match session.client.send(asked(false)).await {
            Ok(answer) => answer.json()?,
            // Each timer counts towards the token's rate.
            Err(Error::Problem(problem)) if problem.status == 429 => {
                pace.wait_after(Error::Problem(problem)).await?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        pace.refresh();
        total.matched += counted.matched;
        total.done += counted.done;
        total.too_late += counted.too_late;
        if counted.done > 0 {
            patience.refresh();
        }
        // The index may still list timers of the request before.
        total.more = counted.more && (counted.done > 0 || patience.wait(Some(LOOK_AGAIN)).await);
    }
    let late = match total.too_late {
        0 => String::new(),
        late => format!("; {late} had already changed"),
    };
    told(session, wish, &total, false, &format!("{} {}{late}", timers(total.done), wish.done()))
}

fn told(
    session: &Session,
    wish: ManyAction,
    counted: &Counted,
    dry_run: bool,
    words: &str,
) -> Result<Exit, Failure> {
    if session.out.is_json() {
        let json = json!({
            "matched": counted.matched, wish.done(): counted.done, "too_late": counted.too_late, "dry_run": dry_run,
        });
        session.out.line(&json.to_string())?;
    } else if session.out.is_for_people() {
        session.out.line(words)?;
    } else {
        session.out.line(&(if dry_run { counted.matched } else { counted.done }).to_string())?;
    }
    Ok(Exit::Done)
}

fn timers(count: u64) -> String {
    if count == 1 { "1 timer".to_owned() } else { format!("{count} timers") }
}

/// Asks a person to confirm. If standard input is not a terminal, the command needs `--yes`.
fn confirmed(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "{question} Standard input is not a terminal: confirm with --yes, or only count with --dry-run"
        )));
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
