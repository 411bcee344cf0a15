//! The stored form of an attempt, and of the result of its call.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::shared::Text;
use super::{StoredInstant, millis};
use rules::domain::attempt::{Attempt, CallResult};
use rules::domain::called::{Answer, Called, Phases};
use rules::room::size;

#[derive(Serialize, Deserialize)]
pub(super) struct AttemptJson<'r> {
    number: u32,
    node: Text,
    /// Absent if equal to `claimed_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<StoredInstant>,
    claimed_at: StoredInstant,
    finished_at: StoredInstant,
    #[serde(flatten)]
    result: ResultJson<'r>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerJson<'r>>,
    #[serde(default, skip_serializing_if = "PhasesJson::is_empty")]
    phases_us: PhasesJson,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum ResultJson<'r> {
    Answered {
        status: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    NotSent {
        reason: Cow<'r, str>,
    },
    Forbidden {
        reason: Cow<'r, str>,
    },
    NoAnswer {
        reason: Cow<'r, str>,
    },
    Interrupted,
}

/// The body as text if it is text and takes no more room, or else as Base64.
#[derive(Serialize, Deserialize)]
struct AnswerJson<'r> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'r, str>>,
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

impl<'r> From<&'r Attempt> for AttemptJson<'r> {
    fn from(attempt: &'r Attempt) -> Self {
        Self {
            number: attempt.number,
            node: Text(attempt.node.clone()),
            due_at: (attempt.due_at != attempt.claimed_at).then_some(StoredInstant(attempt.due_at)),
            claimed_at: StoredInstant(attempt.claimed_at),
            finished_at: StoredInstant(attempt.finished_at),
            result: match &attempt.called.result {
                CallResult::Answered { status, retry_after } => {
                    ResultJson::Answered { status: *status, retry_after_ms: retry_after.map(millis) }
                }
                CallResult::NotSent { reason } => ResultJson::NotSent { reason: reason.as_str().into() },
                CallResult::Forbidden { reason } => ResultJson::Forbidden { reason: reason.as_str().into() },
                CallResult::NoAnswer { reason } => ResultJson::NoAnswer { reason: reason.as_str().into() },
                CallResult::Interrupted => ResultJson::Interrupted,
            },
            answer: attempt.called.answer.as_ref().map(answer_json),
            phases_us: (&attempt.called.phases).into(),
        }
    }
}

impl TryFrom<AttemptJson<'_>> for Attempt {
    type Error = String;

    fn try_from(attempt: AttemptJson<'_>) -> Result<Self, String> {
        let result = match attempt.result {
            ResultJson::Answered { status, retry_after_ms } => {
                CallResult::Answered { status, retry_after: retry_after_ms.map(Duration::from_millis) }
            }
            ResultJson::NotSent { reason } => CallResult::NotSent { reason: reason.into_owned() },
            ResultJson::Forbidden { reason } => CallResult::Forbidden { reason: reason.into_owned() },
            ResultJson::NoAnswer { reason } => CallResult::NoAnswer { reason: reason.into_owned() },
            ResultJson::Interrupted => CallResult::Interrupted,
        };
        Ok(Self {
            number: attempt.number,
            node: attempt.node.0,
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

fn answer_json(answer: &Answer) -> AnswerJson<'_> {
    let in_base64 = answer.body.len().div_ceil(3) * 4;
    // A character that JSON has to escape takes up to six times its size. The quotes count, too.
    let fits = |text: &&str| size::of_text(text) + 2 <= in_base64.max(64);
    let text = std::str::from_utf8(&answer.body).ok().filter(fits);
    AnswerJson {
        text: text.map(Cow::Borrowed),
        base64: text.is_none().then(|| BASE64.encode(&answer.body)),
        truncated: answer.truncated,
    }
}

impl TryFrom<AnswerJson<'_>> for Answer {
    type Error = String;

    fn try_from(answer: AnswerJson<'_>) -> Result<Self, String> {
        let body = match (answer.text, answer.base64) {
            (Some(text), _) => text.into_owned().into_bytes(),
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
