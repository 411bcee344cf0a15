//! The answers of JetStream's API: an acknowledgement, or an error with its code.

use serde::Deserialize;

use crate::nats::NatsError;

/// The error codes of JetStream that this node distinguishes (`server/errors.json` of nats-server).
mod code {
    pub(super) const WRONG_LAST_SEQUENCE: u32 = 10_071;
    pub(super) const WRONG_LAST_SEQUENCE_CONSTANT: u32 = 10_164;
    pub(super) const NO_MESSAGE_FOUND: u32 = 10_037;
    pub(super) const OFF_FOR_ACCOUNT: u32 = 10_039;
    pub(super) const OFF: u32 = 10_076;
    /// `JSAccountResourcesExceededErr`: the account's limit.
    pub(super) const ACCOUNT_FULL: u32 = 10_002;
    /// `JSInsufficientResourcesErr`: the server's limit.
    pub(super) const SERVER_FULL: u32 = 10_023;
    /// The server's or the account's limit, for a stream that is to be created.
    pub(super) const NO_STORAGE: u32 = 10_047;
    /// Any failure to store; the description says which.
    pub(super) const NOT_STORED: u32 = 10_077;
    /// The description if a stream's own limit is reached.
    pub(super) const STREAM_FULL: &str = "maximum bytes exceeded";
}

#[derive(Deserialize)]
pub(in crate::nats) struct PubAck {
    #[serde(default)]
    pub(in crate::nats) seq: u64,
    pub(in crate::nats) error: Option<ApiError>,
}

#[derive(Debug, Deserialize)]
pub(in crate::nats) struct ApiError {
    pub(in crate::nats) code: u32,
    #[serde(default)]
    pub(in crate::nats) err_code: u32,
    #[serde(default)]
    pub(in crate::nats) description: String,
}

impl ApiError {
    pub(in crate::nats) fn is_no_message(&self) -> bool {
        self.err_code == code::NO_MESSAGE_FOUND
    }

    /// Whether the subject's last message is not the one that the write expected.
    pub(in crate::nats) fn is_wrong_last(&self) -> bool {
        [code::WRONG_LAST_SEQUENCE, code::WRONG_LAST_SEQUENCE_CONSTANT].contains(&self.err_code)
    }

    /// Whether JetStream is off, for this account at least.
    pub(in crate::nats) fn is_off(&self) -> bool {
        [code::OFF_FOR_ACCOUNT, code::OFF].contains(&self.err_code)
    }

    /// Whether a storage limit is reached: the server's, the account's or the stream's.
    pub(in crate::nats) fn is_no_room(&self) -> bool {
        [code::ACCOUNT_FULL, code::SERVER_FULL, code::NO_STORAGE].contains(&self.err_code)
            || (self.err_code == code::NOT_STORED && self.description == code::STREAM_FULL)
    }

    pub(in crate::nats) fn into_error(self) -> NatsError {
        let is_no_room = self.is_no_room();
        let text = format!("{} (code {}, {})", self.description, self.code, self.err_code);
        if is_no_room { NatsError::NoRoom(text) } else { NatsError::NotDone(text) }
    }
}
