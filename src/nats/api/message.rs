//! A message as a stream's leader gives it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The answer to a request for a message.
#[derive(Deserialize)]
pub(in crate::nats) struct GetAnswer {
    pub(in crate::nats) message: StoredMessage,
}

#[derive(Deserialize)]
pub(in crate::nats) struct StoredMessage {
    pub(in crate::nats) seq: u64,
    /// Empty in the marker that `nats kv del` leaves.
    #[serde(default, deserialize_with = "base64")]
    pub(in crate::nats) data: Vec<u8>,
    /// The headers as they were sent, a line each.
    #[serde(default, deserialize_with = "base64")]
    pub(in crate::nats) hdrs: Vec<u8>,
}

fn base64<'de, D: Deserializer<'de>>(text: D) -> Result<Vec<u8>, D::Error> {
    BASE64.decode(String::deserialize(text)?).map_err(D::Error::custom)
}
