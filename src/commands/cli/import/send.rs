//! One request of an import, sent until each of its lines has a final outcome.

use std::time::Duration;

use hyper::Method;
use serde::Deserialize;

use super::super::failure::Failure;
use super::super::patience::Patience;
use super::line::Item;
use crate::commands::client::{Ask, Client, Error, Problem};

/// The pause before a line is sent again that a node could not store. The node reports that for the line only.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// The outcome of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It made a new timer.
    Created,
    /// Its timer existed already.
    Existing,
    /// It made no timer, for this reason.
    Refused(String),
}

#[derive(Deserialize)]
struct Results {
    results: Vec<Result>,
}

#[derive(Deserialize)]
struct Result {
    status: u16,
    problem: Option<Problem>,
}

/// Creates these timers, with as many requests as that takes. Keys make repeated requests harmless.
pub(super) async fn send(
    client: &Client,
    items: &[Item],
    mut patience: Patience,
) -> std::result::Result<Vec<Outcome>, Failure> {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; items.len()];
    // How many lines are sent in a request: fewer if something on the way does not take that many bytes.
    let mut most = items.len();
    loop {
        let open: Vec<usize> = (0..items.len()).filter(|n| outcomes[*n].is_none()).take(most).collect();
        if open.is_empty() {
            return Ok(outcomes.into_iter().flatten().collect());
        }
        let lines: String = open.iter().map(|n| format!("{}\n", items[*n].json)).collect();
        let ask = Ask::new(Method::POST, "/timers").body("application/x-ndjson", lines);
        let answer = match client.send(ask).await {
            Ok(answer) => answer,
            Err(Error::Problem(problem)) if problem.status == 413 => {
                match open.as_slice() {
                    [only] => outcomes[*only] = Some(Outcome::Refused(too_large(&problem, &items[*only]))),
                    _ => most = open.len() / 2,
                }
                continue;
            }
            Err(error) => {
                // A proxy may close the connection in the middle of a body that is too large for it.
                if matches!(error, Error::NoAnswer { .. }) {
                    most = open.len().div_ceil(2);
                }
                patience.wait_after(error).await?;
                continue;
            }
        };
        let Results { results } = answer.json()?;
        if results.len() != open.len() {
            let (got, sent) = (results.len(), open.len());
            return Err(Failure::other(format!(
                "the server answered for {got} of {sent} timers: is it jettimer?"
            )));
        }
        let mut away = None;
        for (n, result) in open.iter().zip(results) {
            match outcome(&result, &items[*n]) {
                Some(outcome) => outcomes[*n] = Some(outcome),
                None => away = result.problem,
            }
        }
        // Only a stored line renews the patience, so a node that answers but stores nothing is not asked forever.
        if open.iter().any(|n| outcomes[*n].is_some()) {
            patience.refresh();
        }
        let some_open = open.iter().any(|n| outcomes[*n].is_none());
        if some_open && !patience.wait(Some(STORE_AGAIN)).await {
            let problem = away.unwrap_or_default();
            return Err(Failure::Asked(Error::Problem(Box::new(problem)), None));
        }
    }
}

/// The outcome of an item; `None` if it is not final.
fn outcome(result: &Result, item: &Item) -> Option<Outcome> {
    let problem = result.problem.as_ref();
    match (result.status, problem.map(Problem::kind)) {
        (201, _) => Some(Outcome::Created),
        (200, _) => Some(Outcome::Existing),
        (408 | 429 | 502..=504, _) => None,
        // A key that was made of the line belongs to this line only. So the timer was created before its instant
        // passed, and the line now has it due at once.
        (422, Some("idempotency-key-reused")) if item.has_made_key => Some(Outcome::Existing),
        (status, _) => Some(Outcome::Refused(problem.map_or_else(|| format!("status {status}"), told))),
    }
}

/// Why a single line is refused as too large. A node refuses an item in its result; a refusal of the whole request is another
/// server's.
fn too_large(problem: &Problem, item: &Item) -> String {
    if problem.kind().is_empty() {
        let bytes = item.json.len();
        return format!(
            "a proxy in front of the node refuses {bytes} bytes ({}): raise its limit",
            problem.title
        );
    }
    told(problem)
}

fn told(problem: &Problem) -> String {
    if problem.errors.is_empty() {
        return problem.to_string();
    }
    let errors = problem
        .errors
        .iter()
        .map(|error| format!("{}: {}", error.pointer.trim_start_matches('/'), error.detail));
    errors.collect::<Vec<_>>().join("; ")
}
