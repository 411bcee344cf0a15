//! The limits that an account or a server must leave so that jettimer can create everything that it needs, and advice if they are
//! too low.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};

const STREAMS: &str = ": the account may not have more streams. jettimer needs 4, or 5 where it measures the room of a single \
     server: raise max_streams of the account";

const CONSUMERS: &str = ": the account, or the stream, may not have more consumers. jettimer needs one on TIMERS, and on each of \
     KV_timers and TIMERS_EVENTS two for each node that serves the API: raise max_consumers";

const STORAGE: &str = ": the server, or the account, has less storage left than the stream would reserve. Raise max_file_store of \
     the server or max_storage of the account, or let the events reserve less with --event-max-bytes";

const NO_TIER: &str = ": the account has no limits for streams with this many replicas. Give it limits for them, or run with \
     another --replicas";

/// Advice on a stream that cannot be created, to append to the error; empty if no limit is the reason.
pub(super) fn advice_for_stream(error: &CreateStreamError) -> &'static str {
    match error.kind() {
        CreateStreamErrorKind::JetStream(error) => advice(error.error_code()),
        CreateStreamErrorKind::EmptyStreamName
        | CreateStreamErrorKind::InvalidStreamName
        | CreateStreamErrorKind::DomainAndExternalSet
        | CreateStreamErrorKind::JetStreamUnavailable
        | CreateStreamErrorKind::TimedOut
        | CreateStreamErrorKind::Response
        | CreateStreamErrorKind::NotFound
        | CreateStreamErrorKind::ResponseParse => "",
    }
}

/// The same advice for a consumer.
pub(super) fn advice_for_consumer(error: &ConsumerError) -> &'static str {
    match error.kind() {
        ConsumerErrorKind::JetStream(error) => advice(error.error_code()),
        ConsumerErrorKind::TimedOut
        | ConsumerErrorKind::Request
        | ConsumerErrorKind::InvalidConsumerType
        | ConsumerErrorKind::InvalidName
        | ConsumerErrorKind::Other => "",
    }
}

fn advice(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::MAXIMUM_STREAMS_LIMIT => STREAMS,
        ErrorCode::MAXIMUM_CONSUMERS_LIMIT => CONSUMERS,
        ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES => STORAGE,
        ErrorCode::NO_LIMITS => NO_TIER,
        _ => "",
    }
}
