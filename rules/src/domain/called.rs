//! The details of one call after its end: its result, its answer, and how long it took.

use std::time::Duration;

use super::attempt::CallResult;

/// How much of an answer's body is kept, in bytes: enough for an error message of the receiver.
pub const MAX_ANSWER_BYTES: usize = 4_096;

/// A call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    pub result: CallResult,
    /// The answer without its status, if one came.
    pub answer: Option<Answer>,
    pub phases: Phases,
}

impl Phases {
    /// The phases in whole microseconds, as records keep them.
    pub fn whole(self) -> Self {
        let whole = |span: Duration| Duration::from_micros(span.as_micros() as u64);
        Self {
            resolve: self.resolve.map(whole),
            connect: self.connect.map(whole),
            tls: self.tls.map(whole),
            first_byte: self.first_byte.map(whole),
            total: whole(self.total),
        }
    }
}

impl Called {
    /// A call that was not made, and why.
    pub fn not_made(reason: &str) -> Self {
        CallResult::NotSent { reason: reason.to_owned() }.into()
    }
}

impl From<CallResult> for Called {
    /// A call of which only the result is known.
    fn from(result: CallResult) -> Self {
        Self { result, answer: None, phases: Phases::default() }
    }
}

/// A receiver's answer without its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The beginning of its body, at most [`MAX_ANSWER_BYTES`], as it came: it may be compressed, or not be text.
    pub body: Vec<u8>,
    /// Whether the body goes on, or did not come in time.
    pub truncated: bool,
}

impl Answer {
    /// The answer, if it contains anything. An answer without a body is not stored, so the timer does not have it either: a
    /// record is recognised by being equal.
    pub fn kept(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// How long the parts of a call took, in whole microseconds. A part is absent if it was not needed, as on an existing connection,
/// or if it did not come to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Looking up the receiver's name.
    pub resolve: Option<Duration>,
    /// Making the connection, to the receiver or through the proxy.
    pub connect: Option<Duration>,
    pub tls: Option<Duration>,
    /// From the start of the call until the status came. This includes the parts above.
    pub first_byte: Option<Duration>,
    pub total: Duration,
}
