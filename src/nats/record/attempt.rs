//! The stored form of an attempt, and of the result of its call.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::{Instant, millis};
use rules::domain::attempt::{Attempt, CallResult};
use rules::domain::called::{Answer, Called, Phases};

#[derive(Serialize, Deserialize)]
pub(super) struct AttemptJson {
    number: u32,
    node: String,
    /// Absent if equal to `claimed_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<Instant>,
    claimed_at: Instant,
    finished_at: Instant,
    #[serde(flatten)]
    result: ResultJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerJson>,
    #[serde(default, skip_serializing_if = "PhasesJson::is_empty")]
    phases_us: PhasesJson,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum ResultJson {
    Answered {
        status: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    NotSent {
        reason: String,
    },
    Forbidden {
        reason: String,
    },
    NoAnswer {
        reason: String,
    },
    Interrupted,
}

/// The body as text if it is text and takes no more room, or else as Base64.
#[derive(Serialize, Deserialize)]
struct AnswerJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
struct PhasesJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolve: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connect: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_byte: Option<u64>,
    total: u64,
}

impl PhasesJson {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&Attempt> for AttemptJson {
    fn from(attempt: &Attempt) -> Self {
        Self {
            number: attempt.number,
            node: attempt.node.to_string(),
            due_at: (attempt.due_at != attempt.claimed_at).then_some(Instant(attempt.due_at)),
            claimed_at: Instant(attempt.claimed_at),
            finished_at: Instant(attempt.finished_at),
            result: match &attempt.called.result {
                CallResult::Answered { status, retry_after } => {
                    ResultJson::Answered { status: *status, retry_after_ms: retry_after.map(millis) }
                }
                CallResult::NotSent { reason } => ResultJson::NotSent { reason: reason.clone() },
                CallResult::Forbidden { reason } => ResultJson::Forbidden { reason: reason.clone() },
                CallResult::NoAnswer { reason } => ResultJson::NoAnswer { reason: reason.clone() },
                CallResult::Interrupted => ResultJson::Interrupted,
            },
            answer: attempt.called.answer.as_ref().map(answer_json),
            phases_us: (&attempt.called.phases).into(),
        }
    }
}

impl TryFrom<AttemptJson> for Attempt {
    type Error = String;

    fn try_from(attempt: AttemptJson) -> Result<Self, String> {
        let result = match attempt.result {
            ResultJson::Answered { status, retry_after_ms } => {
                CallResult::Answered { status, retry_after: retry_after_ms.map(Duration::from_millis) }
            }
            ResultJson::NotSent { reason } => CallResult::NotSent { reason },
            ResultJson::Forbidden { reason } => CallResult::Forbidden { reason },
            ResultJson::NoAnswer { reason } => CallResult::NoAnswer { reason },
            ResultJson::Interrupted => CallResult::Interrupted,
        };
        Ok(Self {
            number: attempt.number,
            node: attempt.node.into(),
            due_at: attempt.due_at.map_or(attempt.claimed_at.0, |at| at.0),
            claimed_at: attempt.claimed_at.0,
            finished_at: attempt.finished_at.0,
            called: Arc::new(Called {
                result,
                answer: attempt.answer.map(Answer::try_from).transpose()?.and_then(Answer::kept),
                phases: attempt.phases_us.into(),
            }),
        })
    }
}

fn answer_json(answer: &Answer) -> AnswerJson {
    let base64 = BASE64.encode(&answer.body);
    // A character that JSON has to escape takes up to six times its size.
    let escaped = |text: &&str| serde_json::to_string(text).map_or(usize::MAX, |json| json.len());
    let text = std::str::from_utf8(&answer.body).ok().filter(|text| escaped(text) <= base64.len().max(64));
    AnswerJson {
        text: text.map(str::to_owned),
        base64: if text.is_none() { Some(base64) } else { None },
        truncated: answer.truncated,
    }
}

impl TryFrom<AnswerJson> for Answer {
    type Error = String;

    fn try_from(answer: AnswerJson) -> Result<Self, String> {
        let body = match (answer.text, answer.base64) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(base64)) => BASE64.decode(base64).map_err(|error| format!("answer: {error}"))?,
            (None, None) => vec![],
        };
        Ok(Self { body, truncated: answer.truncated })
    }
}

impl From<&Phases> for PhasesJson {
    fn from(phases: &Phases) -> Self {
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Self {
            resolve: phases.resolve.map(micros),
            connect: phases.connect.map(micros),
            tls: phases.tls.map(micros),
            first_byte: phases.first_byte.map(micros),
            total: micros(phases.total),
        }
    }
}

impl From<PhasesJson> for Phases {
    fn from(phases: PhasesJson) -> Self {
        Self {
            resolve: phases.resolve.map(Duration::from_micros),
            connect: phases.connect.map(Duration::from_micros),
            tls: phases.tls.map(Duration::from_micros),
            first_byte: phases.first_byte.map(Duration::from_micros),
            total: Duration::from_micros(phases.total),
        }
    }
}
