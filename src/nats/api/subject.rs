//! The subjects on which nats-server answers requests of JetStream's API.
//!
//! jettimer uses the JetStream of the servers that it is connected to, so no subject names a domain.

use async_nats::Subject;

const PREFIX: &str = "$JS.API.";

/// The account's use of JetStream, and its limits.
pub(in crate::nats) fn account_info() -> Subject {
    format!("{PREFIX}INFO").into()
}

pub(in crate::nats) fn stream_info(stream: &str) -> Subject {
    format!("{PREFIX}STREAM.INFO.{stream}").into()
}

pub(in crate::nats) fn create_stream(stream: &str) -> Subject {
    format!("{PREFIX}STREAM.CREATE.{stream}").into()
}

pub(in crate::nats) fn delete_stream(stream: &str) -> Subject {
    format!("{PREFIX}STREAM.DELETE.{stream}").into()
}

pub(in crate::nats) fn purge(stream: &str) -> Subject {
    format!("{PREFIX}STREAM.PURGE.{stream}").into()
}

/// A message, as the stream's leader has it.
pub(in crate::nats) fn get(stream: &str) -> Subject {
    format!("{PREFIX}STREAM.MSG.GET.{stream}").into()
}

pub(in crate::nats) fn delete_message(stream: &str) -> Subject {
    format!("{PREFIX}STREAM.MSG.DELETE.{stream}").into()
}

/// Messages, as any replica has them (ADR-31).
pub(in crate::nats) fn direct_get(stream: &str) -> Subject {
    format!("{PREFIX}DIRECT.GET.{stream}").into()
}

/// The last message of a subject, as any replica has it (ADR-31).
pub(in crate::nats) fn direct_get_last(stream: &str, subject: &str) -> Subject {
    format!("{PREFIX}DIRECT.GET.{stream}.{subject}").into()
}

pub(in crate::nats) fn consumer_info(stream: &str, consumer: &str) -> Subject {
    format!("{PREFIX}CONSUMER.INFO.{stream}.{consumer}").into()
}

pub(in crate::nats) fn create_consumer(stream: &str, consumer: &str) -> Subject {
    format!("{PREFIX}CONSUMER.CREATE.{stream}.{consumer}").into()
}

pub(in crate::nats) fn delete_consumer(stream: &str, consumer: &str) -> Subject {
    format!("{PREFIX}CONSUMER.DELETE.{stream}.{consumer}").into()
}

/// The next messages for a reader of a consumer (ADR-37).
pub(in crate::nats) fn pull(stream: &str, consumer: &str) -> Subject {
    format!("{PREFIX}CONSUMER.MSG.NEXT.{stream}.{consumer}").into()
}

/// All servers describe themselves (the system account answers, not JetStream).
pub(in crate::nats) fn servers() -> Subject {
    Subject::from_static("$SYS.REQ.SERVER.PING.VARZ")
}

/// The name of a request: its subject without the prefix that all have.
pub(in crate::nats) fn name(subject: &str) -> &str {
    subject.trim_start_matches(PREFIX)
}
