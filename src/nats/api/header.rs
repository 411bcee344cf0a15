//! The headers of nats-server that jettimer reads or writes. `names` has its own.

use async_nats::HeaderName;

pub(in crate::nats) use async_nats::header::{
    NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID, NATS_MESSAGE_TTL, NATS_SCHEDULE,
    NATS_SCHEDULE_TARGET, NATS_SEQUENCE, NATS_SUBJECT, NATS_TIME_STAMP,
};

/// Marks a key that was removed by hand (ADR-8).
pub(in crate::nats) const KV_OPERATION: HeaderName = HeaderName::from_static("KV-Operation");

/// How many more messages match a batched direct get (ADR-31).
pub(in crate::nats) const NATS_NUM_PENDING: HeaderName = HeaderName::from_static("Nats-Num-Pending");
