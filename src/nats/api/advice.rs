//! Advice on errors of JetStream: it is off, or an account or a server does not leave jettimer what it needs.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};

use super::is_off;
use crate::nats::error::NatsError;

/// The advice if the account has no JetStream.
pub(in crate::nats) const NOT_FOR_ACCOUNT: &str = "JetStream is off for the account of this node's user. Turn it on: jetstream: enabled in \
     the account's block of nats-server's configuration, or limits for it in the account's JWT; or give this node a user of another \
     account";

/// The advice if no server answers for JetStream.
pub(in crate::nats) const NOT_HERE: &str = "the server that this node is connected to has no JetStream, and no other server answers for \
     it. Start that server with -js or a jetstream {} block; if it is a leaf node, name the servers of its hub with --nats instead. \
     jettimer uses the JetStream of the servers that it is connected to, and cannot name another domain";

const STREAMS: &str = ": the account may not have more streams. jettimer needs 3, or 4 where it measures the room of a single \
     server: raise max_streams of the account";

const CONSUMERS: &str = ": the account, or the stream, may not have more consumers. jettimer needs one on TIMERS, and on KV_timers \
     two for each node that serves the API, two for sweeps, and one for each reader of the feed that catches up: raise max_consumers";

const STORAGE: &str = ": the server, or the account, has less storage left than the stream would reserve. Raise max_file_store of \
     the server or max_storage of the account";

const NO_TIER: &str = ": the account has no limits for streams with this many replicas. Give it limits for them, or run with \
     another --replicas";

/// Advice on a stream that cannot be looked at, to append to the error; `has_jetstream` says whether the server that this node is
/// connected to has a JetStream of its own.
pub(in crate::nats) fn for_look(error: &GetStreamError, has_jetstream: bool) -> String {
    match error.kind() {
        GetStreamErrorKind::JetStream(inner) if is_off(inner.error_code()) => {
            format!(": {NOT_FOR_ACCOUNT}")
        }
        GetStreamErrorKind::JetStream(_) => String::new(),
        // As far as this node can tell, no server answers.
        GetStreamErrorKind::EmptyName
        | GetStreamErrorKind::InvalidStreamName
        | GetStreamErrorKind::Request => {
            if has_jetstream {
                String::new()
            } else {
                format!(": {NOT_HERE}")
            }
        }
    }
}

/// Advice on a stream that cannot be created, to append to the error; empty if no limit is the reason.
pub(in crate::nats) fn for_stream(error: &CreateStreamError) -> &'static str {
    match error.kind() {
        CreateStreamErrorKind::JetStream(error) => for_limit(error.error_code()),
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
pub(in crate::nats) fn for_consumer(error: &ConsumerError) -> &'static str {
    match error.kind() {
        ConsumerErrorKind::JetStream(error) => for_limit(error.error_code()),
        ConsumerErrorKind::TimedOut
        | ConsumerErrorKind::Request
        | ConsumerErrorKind::InvalidConsumerType
        | ConsumerErrorKind::InvalidName
        | ConsumerErrorKind::Other => "",
    }
}

/// The error of a request on this subject. NATS does not answer a request that the user may not make, so one without an answer may
/// have been refused.
pub(in crate::nats) fn if_unanswered(error: NatsError, subject: &str) -> NatsError {
    let NatsError::Unclear(why) = error else { return error };
    NatsError::Unclear(format!(
        "{why}: may this node's NATS user publish to {subject} (nats/permissions.conf)?"
    ))
}

/// The same advice for any request that JetStream refused with this code.
pub(in crate::nats) fn for_limit(code: ErrorCode) -> &'static str {
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
