//! Compares the streams and the consumer on the broker with the ones that are needed, and explains each difference.

use std::time::Duration;

use anyhow::{Result, bail};
use async_nats::jetstream::consumer::{self, pull};
use async_nats::jetstream::stream::Config;

use crate::nats::names::{CONSUMER, STREAM};

/// Adds a finding if a property of a stream or consumer is not as it must be.
fn check<T: PartialEq + std::fmt::Debug>(findings: &mut Vec<String>, what: &str, have: T, want: T) {
    if have != want {
        findings.push(format!("{what} is {have:?} and must be {want:?}"));
    }
}

/// All differences between a stream and the one that is needed that could lose timers.
pub(super) fn stream_differences(have: &Config, want: &Config) -> Vec<String> {
    let mut findings = Vec::new();
    let f = &mut findings;
    check(f, "retention", have.retention, want.retention);
    check(f, "subjects", &have.subjects, &want.subjects);
    check(f, "storage", have.storage, want.storage);
    check(f, "discard", have.discard, want.discard);
    check(f, "max_msgs_per_subject", have.max_messages_per_subject, want.max_messages_per_subject);
    check(f, "max_msgs", have.max_messages, want.max_messages);
    check(f, "max_bytes", have.max_bytes, want.max_bytes);
    check(f, "max_age", have.max_age, Duration::ZERO);
    check(f, "allow_msg_schedules", have.allow_message_schedules, want.allow_message_schedules);
    check(f, "allow_msg_ttl", have.allow_message_ttl, want.allow_message_ttl);
    check(f, "allow_direct", have.allow_direct, want.allow_direct);
    check(f, "sealed", have.sealed, false);
    check(f, "sources", have.sources.is_some(), false);
    check(f, "mirror", have.mirror.is_some(), false);
    findings
}

/// Compares a stream with the one that is needed.
///
/// # Errors
///
/// All differences that could lose timers.
pub(super) fn stream(have: &Config, want: &Config) -> Result<()> {
    let findings = stream_differences(have, want);
    if !findings.is_empty() {
        bail!(
            "the stream {} is not as jettimer needs it: {}. jettimer does not change it, since that may \
             delete timers. If it is not jettimer's, use another NATS account; if it is, see docs/nats.md",
            have.name,
            findings.join("; ")
        );
    }
    if have.num_replicas != want.num_replicas {
        tracing::warn!(
            stream = have.name,
            replicas = have.num_replicas,
            wanted = want.num_replicas,
            "the stream's number of replicas differs from --replicas; to change it: nats stream edit {} \
             --replicas={}",
            have.name,
            want.num_replicas
        );
    }
    Ok(())
}

/// All differences between the consumer and the one that is needed.
pub(super) fn consumer_differences(have: &consumer::Config, want: &pull::Config) -> Vec<String> {
    let mut findings = Vec::new();
    let f = &mut findings;
    check(f, "filter_subject", &have.filter_subject, &want.filter_subject);
    check(f, "ack_policy", have.ack_policy, want.ack_policy);
    check(f, "ack_wait", have.ack_wait, want.ack_wait);
    check(f, "max_deliver", have.max_deliver, want.max_deliver);
    check(f, "max_ack_pending", have.max_ack_pending, want.max_ack_pending);
    check(f, "deliver_subject", have.deliver_subject.is_some(), false);
    findings
}

/// Compares the consumer with the one that is needed.
///
/// # Errors
///
/// All differences.
pub(super) fn consumer(have: &consumer::Config, want: &pull::Config) -> Result<()> {
    let findings = consumer_differences(have, want);
    if findings.is_empty() {
        return Ok(());
    }
    bail!(
        "the consumer {CONSUMER} of the stream {STREAM} is not as jettimer needs it: {}. Stop all nodes, \
         remove it with: nats consumer rm {STREAM} {CONSUMER}, and start again: a node then creates it again, \
         and no timer is lost",
        findings.join("; ")
    )
}
