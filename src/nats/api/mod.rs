//! JetStream's API: its subjects and headers, the parts of its answers that jettimer reads, and advice on its errors. Nothing here
//! sends a request.

mod account;
pub(super) mod advice;
mod answer;
pub(super) mod header;
mod info;
mod message;
mod refusable;
pub(super) mod subject;

pub(super) use account::AccountInfo;
pub(super) use answer::{ApiError, Published, Purged, is_missing, is_off, read};
pub(super) use info::{ClusterInfo, ConsumerInfo, StreamInfo};
pub(super) use message::{GetAnswer, StoredMessage};
