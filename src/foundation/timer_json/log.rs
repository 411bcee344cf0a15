//! An attempt in the log of a whole timer: the durations of its parts, and the receiver's answer or a digest of it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use super::{AttemptJson, attempt_json};
use crate::foundation::crypto::sha256_hex;
use rules::domain::attempt::Attempt;
use rules::domain::called::{Answer, Phases};

#[derive(Serialize)]
pub(super) struct LoggedJson<'t> {
    #[serde(flatten)]
    attempt: AttemptJson<'t>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phases_ms: Option<PhasesJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerJson>,
}

#[derive(Serialize)]
struct PhasesJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    resolve: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte: Option<f64>,
    total: f64,
}

/// The beginning of the answer's body: text if it is UTF-8, otherwise Base64; or its digest.
#[derive(Default, Serialize)]
struct AnswerJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    bytes: usize,
    truncated: bool,
}

pub(super) fn of(attempt: &Attempt, bodies: bool) -> LoggedJson<'_> {
    let phases = &attempt.called.phases;
    LoggedJson {
        attempt: attempt_json(attempt),
        phases_ms: (*phases != Phases::default()).then(|| phases_json(phases)),
        answer: attempt.called.answer.as_ref().map(|answer| answer_json(answer, bodies)),
    }
}

fn phases_json(phases: &Phases) -> PhasesJson {
    let millis = |span: Duration| span.as_micros() as f64 / 1_000.0;
    PhasesJson {
        resolve: phases.resolve.map(millis),
        connect: phases.connect.map(millis),
        tls: phases.tls.map(millis),
        first_byte: phases.first_byte.map(millis),
        total: millis(phases.total),
    }
}

fn answer_json(answer: &Answer, bodies: bool) -> AnswerJson {
    let common =
        AnswerJson { bytes: answer.body.len(), truncated: answer.truncated, ..AnswerJson::default() };
    if !bodies {
        return AnswerJson { sha256: Some(sha256_hex(&answer.body)), ..common };
    }
    match text(answer) {
        Some(text) => AnswerJson { text: Some(text.to_owned()), ..common },
        None => AnswerJson { base64: Some(BASE64.encode(&answer.body)), ..common },
    }
}

/// The body as text, without a last character that was cut in two.
fn text(answer: &Answer) -> Option<&str> {
    match std::str::from_utf8(&answer.body) {
        Ok(text) => Some(text),
        Err(error) if answer.truncated && error.error_len().is_none() => {
            std::str::from_utf8(&answer.body[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &[u8], truncated: bool, bodies: bool) -> serde_json::Value {
        serde_json::to_value(answer_json(&Answer { body: body.to_vec(), truncated }, bodies)).unwrap()
    }

    #[test]
    fn an_answer_is_text_or_bytes_or_a_digest() {
        assert_eq!(shown(b"no", false, true)["text"], "no");
        assert_eq!(shown("nö".as_bytes().split_last().unwrap().1, true, true)["text"], "n");
        assert_eq!(shown(b"\xff\x00", false, true)["base64"], "/wA=");
        let hidden = shown(b"no", true, false);
        assert_eq!((&hidden["bytes"], &hidden["truncated"]), (&2.into(), &true.into()));
        assert!(hidden["text"].is_null() && hidden["sha256"].as_str().unwrap().len() == 64);
    }
}
