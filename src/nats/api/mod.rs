//! JetStream's API, as far as jettimer reads it.

mod account;
mod answer;

pub(super) use account::AccountJson;
pub(super) use answer::{ApiError, PubAck};
