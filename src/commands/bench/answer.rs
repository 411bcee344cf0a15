//! Reads the service's answers: the 201 of a create, the outcomes of a request for many, and the text of a problem.
//!
//! Fields that the bench does not use are skipped, so the service may add to its answers.

use std::borrow::Cow;

use anyhow::{Context, anyhow};
use serde::Deserialize;
use uuid::Uuid;

use crate::foundation::rfc3339;

#[derive(Deserialize)]
struct Created<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    due_at: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Problem<'a> {
    #[serde(borrow, default)]
    title: Cow<'a, str>,
    #[serde(borrow, default)]
    detail: Cow<'a, str>,
}

/// The answer to a request for many timers.
#[derive(Deserialize)]
struct Many<'a> {
    #[serde(borrow)]
    results: Vec<Outcome<'a>>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    status: u16,
    #[serde(borrow, default)]
    timer: Option<Created<'a>>,
    #[serde(borrow, default)]
    problem: Option<Problem<'a>>,
}

/// The outcome of one timer of many: it was created, or the status and the text of the problem.
pub(super) type OneOfMany = Result<Accepted, (u16, String)>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) id: u128,
    /// Microseconds since the Unix epoch.
    pub(super) due_us: u64,
}

pub(super) fn accepted(body: &[u8]) -> anyhow::Result<Accepted> {
    read(&serde_json::from_slice(body).context("the 201 is not the JSON that was expected")?)
}

/// The outcomes of a request for many timers, in its order.
pub(super) fn each_of_many(body: &[u8]) -> anyhow::Result<Vec<OneOfMany>> {
    let many: Many<'_> =
        serde_json::from_slice(body).context("the answer is not the JSON that was expected")?;
    let outcomes = many.results.iter().map(|outcome| match &outcome.timer {
        Some(created) => read(created).map(Ok),
        None => Ok(Err((outcome.status, outcome.problem.as_ref().map(Problem::text).unwrap_or_default()))),
    });
    outcomes.collect()
}

fn read(created: &Created<'_>) -> anyhow::Result<Accepted> {
    let id = Uuid::try_parse(&created.id).context("the id in the 201 is not a UUID")?;
    let due = rfc3339::parse(&created.due_at).map_err(|why| anyhow!("due_at in the 201: {why}"))?;
    Ok(Accepted { id: id.as_u128(), due_us: due.as_micros() })
}

/// The words of a problem, or the body as it is if it is not a problem document.
pub(super) fn problem_text(body: &[u8]) -> String {
    match serde_json::from_slice::<Problem<'_>>(body) {
        Ok(problem) if !problem.text().is_empty() => problem.text(),
        Ok(_) | Err(_) => String::from_utf8_lossy(body).into_owned(),
    }
}

impl Problem<'_> {
    fn text(&self) -> String {
        let parts = [&self.title, &self.detail].into_iter().filter(|part| !part.is_empty());
        parts.map(AsRef::as_ref).collect::<Vec<&str>>().join(": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_timer_of_many_has_its_outcome() {
        let body = br#"{"created":1,"failed":1,"results":[
            {"status":201,"timer":{"id":"0198f0f0-0000-7000-8000-00000000002a","due_at":"2025-01-01T00:00:00Z"}},
            {"status":503,"problem":{"title":"Unavailable","detail":"JetStream is away","status":503}}]}"#;
        let created =
            Accepted { id: 0x0198_f0f0_0000_7000_8000_0000_0000_002a, due_us: 1_735_689_600_000_000 };
        let away = (503, "Unavailable: JetStream is away".to_owned());
        assert_eq!(each_of_many(body).unwrap(), [Ok(created), Err(away)]);
        assert!(each_of_many(b"{}").is_err());
    }

    #[test]
    fn a_201_gives_its_id_and_due_instant_whatever_else_it_holds() {
        let body = br#"{"id":"0198f0f0-0000-7000-8000-00000000002a","time_left":10,"state":"scheduled","due_at":"2025-01-01T00:00:00.000250Z"}"#;
        let expected =
            Accepted { id: 0x0198_f0f0_0000_7000_8000_0000_0000_002a, due_us: 1_735_689_600_000_250 };
        assert_eq!(accepted(body).unwrap(), expected);
    }

    #[test]
    fn a_201_without_id_or_due_instant_is_refused() {
        for body in [&b"{}"[..], b"", br#"{"id":"7","due_at":"2025-01-01T00:00:00Z"}"#] {
            assert!(accepted(body).is_err());
        }
        assert!(accepted(br#"{"id":"0198f0f0-0000-7000-8000-00000000002a","due_at":"soon"}"#).is_err());
    }

    #[test]
    fn a_problem_is_told_by_title_and_detail_and_anything_else_as_it_is() {
        assert_eq!(
            problem_text(br#"{"title":"Unavailable","detail":"JetStream is away","status":503}"#),
            "Unavailable: JetStream is away"
        );
        assert_eq!(problem_text(br#"{"title":"Unavailable"}"#), "Unavailable");
        assert_eq!(problem_text(b"<html>"), "<html>");
        assert_eq!(problem_text(br#"{"error":"x"}"#), r#"{"error":"x"}"#);
    }
}
