//! Everything that is known of one call after it: its result, what came with the answer, how long it took.

use std::time::Duration;

use super::attempt::CallResult;

/// How much of an answer's body is kept, in bytes: enough for the error that a receiver explains itself with.
pub const MAX_ANSWER_BYTES: usize = 4_096;

/// A call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// What came of it.
    pub result: CallResult,
    /// What came with the status, if one came.
    pub answer: Option<Answer>,
    /// How long it took.
    pub phases: Phases,
}

impl Phases {
    /// In whole microseconds, as they are kept.
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
    /// A call of which nothing but its result is known.
    fn from(result: CallResult) -> Self {
        Self { result, answer: None, phases: Phases::default() }
    }
}

/// What a receiver answers beside the status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The beginning of its body, at most [`MAX_ANSWER_BYTES`], as it came: it may be compressed, and no text.
    pub body: Vec<u8>,
    /// Whether there is more of it, or it did not come in time.
    pub truncated: bool,
}

impl Answer {
    /// The answer if there is anything in it. One without a body is not stored, so it is not in the timer either: a
    /// record is recognised by being equal.
    pub fn kept(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// How long the parts of a call took. A part that was not needed, as on a connection that was there already,
/// or that did not come to its end, is absent. Whole microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Looking up the receiver's name.
    pub resolve: Option<Duration>,
    /// Making the connection, to the receiver or through the proxy.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the start of the call until the status came, so that it contains the parts above.
    pub first_byte: Option<Duration>,
    /// All of it.
    pub total: Duration,
}
