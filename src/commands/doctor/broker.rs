//! Checks of the broker's own facts: the server, streams, consumer, room and disk.

use super::{Check, room};
use crate::nats::{ConsumerSight, Inspection, Shape, StreamSight, StreamThere};
use rules::durability::{self, Level, Seen, Verdict, judge};

/// More due wakes than this that no worker has taken are a backlog: one node holds fewer.
const BACKLOG: u64 = 10_000;

pub(super) fn of_broker(inspection: &Inspection, shape: Shape) -> Vec<Check> {
    let server = Check::ok("server", format!("nats-server {}, with JetStream", inspection.version));
    let streams = inspection.streams.iter().map(|stream| of_stream(stream, shape));
    let consumer = of_consumer(inspection.consumer.as_ref());
    let room = room::of(inspection.sight.as_ref());
    [server].into_iter().chain(streams).chain([consumer]).chain(room).collect()
}

fn of_stream(stream: &StreamSight, shape: Shape) -> Check {
    let name = stream.name.as_str();
    let Some(there) = &stream.there else { return of_missing(name) };
    if !there.differences.is_empty() {
        let says = there.differences.join("; ");
        return Check::finding(
            name,
            says,
            "The stream is not set up as jettimer needs it, and timers can be lost. jettimer does not change it: see \
             docs/nats.md, \"What exists\".",
        );
    }
    if there.leaderless {
        return Check::finding(
            name,
            "has no leader",
            "Too few of its servers run or reach each other: nothing is stored or read until a majority does.",
        );
    }
    if !there.not_current.is_empty() {
        return Check::finding(
            name,
            there.not_current.join("; "),
            "A copy is not up to date: is its server down, cut off, or short of disk? Until it has caught \
             up, losing another server can stop everything.",
        );
    }
    if there.replicas < shape.replicas {
        let says = format!("{} copies, but --replicas says {}", there.replicas, shape.replicas);
        let advice = format!("Raise it with: nats stream edit {name} --replicas={}", shape.replicas);
        return Check::finding(name, says, &advice);
    }
    Check::ok(name, shown(there))
}

fn shown(there: &StreamThere) -> String {
    let copies = if there.replicas == 1 {
        "1 copy".to_owned()
    } else {
        format!("{} copies, all current", there.replicas)
    };
    format!("{} messages, {}, {copies}", there.messages, mebibytes(there.bytes))
}

fn of_missing(name: &str) -> Check {
    match name {
        "KV_timers" => Check::finding(
            name,
            "is missing",
            "It contained every timer. Restore it from a backup (docs/nats.md); on a server without any of jettimer's \
             streams, the first node creates it.",
        ),
        _ => Check::finding(
            name,
            "is missing",
            "A running node creates it within seconds and fills it from the records; so does --repair.",
        ),
    }
}

fn of_consumer(consumer: Option<&ConsumerSight>) -> Check {
    let Some(consumer) = consumer else {
        return Check::finding(
            "workers",
            "the consumer is missing",
            "No due timer reaches a worker. A running node creates it within seconds; so does --repair.",
        );
    };
    if !consumer.differences.is_empty() {
        return Check::finding(
            "workers",
            consumer.differences.join("; "),
            "The consumer is not set up as jettimer needs it. Stop all nodes, remove it with nats consumer rm TIMERS \
             workers, and start the nodes again: no timer is lost by that.",
        );
    }
    let says = format!(
        "{} due and not taken, {} with workers, {} requests for more",
        consumer.waiting, consumer.out, consumer.pulls
    );
    if consumer.waiting > BACKLOG && consumer.pulls == 0 {
        return Check::finding(
            "workers",
            says,
            "More timers are due than are called. Do workers run, and do they have free places \
             (jettimer_calls_in_progress)?",
        );
    }
    Check::ok("workers", says)
}

/// When servers write to their disks, judged as by a node with this `--durability`; other checks judge streams and versions.
pub(super) fn of_durability(asked: Level, seen: Option<&Seen>) -> impl Iterator<Item = Check> {
    let findings = seen.map(|seen| judge(asked, seen)).into_iter().flatten();
    findings.filter(|finding| finding.check == durability::Check::Sync).map(|finding| {
        let (name, cure) = (finding.check.name(), finding.cure.unwrap_or_default());
        match finding.verdict {
            Verdict::Met => Check::ok(name, finding.detail),
            Verdict::Unseen => Check::unknown(name, finding.detail, cure),
            Verdict::Weaker => Check::finding(name, finding.detail, cure),
        }
    })
}

pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
