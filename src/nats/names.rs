//! Every name and subject of jettimer on the broker, each in one place. `api` has those of nats-server.
//!
//! This file alone decides which records and wakes belong to a timer: it would change if timers were spread over several streams.

use async_nats::Subject;
use uuid::Uuid;

use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// The prefix of inboxes. Not the common `_INBOX`, to which other users of the account may be allowed to subscribe: answers have
/// records in them.
pub(super) const INBOX_PREFIX: &str = "_INBOX_jettimer";

/// The KV bucket of the records.
pub(super) const BUCKET: &str = "timers";
/// The bucket's stream, named as every KV bucket's is (ADR-8).
pub(super) const BUCKET_STREAM: &str = "KV_timers";
/// The stream of the wakes.
pub(super) const STREAM: &str = "TIMERS";
/// The durable consumer that all workers share.
pub(super) const CONSUMER: &str = "workers";

/// The stream of the bucket of the sweep, which is named `timers_sweep`.
pub(super) const SWEEP_STREAM: &str = "KV_timers_sweep";
/// The subjects of its keys.
pub(super) const SWEEP_SUBJECTS: &str = "$KV.timers_sweep.>";
/// The key of the sweep's lease.
pub(super) const LEASE_SUBJECT: &str = "$KV.timers_sweep.lease";
/// The key of the ledger.
pub(super) const LEDGER_SUBJECT: &str = "$KV.timers_sweep.ledger";

/// The key of the high-water mark.
pub(super) const MARK_SUBJECT: &str = "$KV.timers_sweep.mark";

/// The key with the name of the installation that has all this.
pub(super) const INSTALLATION_SUBJECT: &str = "$KV.timers_sweep.installation";

/// The key that says how much a single server grants to streams without a limit of their own.
pub(super) const ROOM_SUBJECT: &str = "$KV.timers_sweep.room";
/// An empty stream that exists for a moment, while the grant is measured.
pub(super) const ROOM_STREAM: &str = "TIMERS_ROOM";
/// Its subject, on which nothing is published.
pub(super) const ROOM_STREAM_SUBJECT: &str = "timers.room";

/// The subjects of waiting wakes.
pub(super) const SCHEDULE_SUBJECTS: &str = "timers.schedule.>";
/// The subjects of wakes that are due.
pub(super) const FIRE_SUBJECTS: &str = "timers.fire.*";
const SCHEDULE_PREFIX: &str = "timers.schedule.";
const FIRE_PREFIX: &str = "timers.fire.";

/// The mapping of subjects by which the server republishes stored records, for the feed. No stream has these.
pub(super) const REPUBLISH_FROM: &str = RECORD_SUBJECTS;
pub(super) const REPUBLISH_TO: &str = "timers.event.>";

/// The subjects of the nodes' beats. No stream has them.
pub(super) const BEAT_SUBJECTS: &str = "timers.nodes.*";

/// The subject of a node's beats.
pub(super) fn beat_subject(instance: Uuid) -> String {
    format!("timers.nodes.{}", instance.simple())
}

/// The prefix of the subjects of records, as in every KV bucket.
pub(super) const RECORD_PREFIX: &str = "$KV.";

/// The header of a record with the state that it replaced.
pub(super) const WAS: &str = "Jettimer-Was";
/// Its value if there was no record before.
pub(super) const WAS_NOTHING: &str = "none";
/// The header of a record with its earlier versions, for the ledger.
pub(super) const PAST: &str = "Jettimer-Past";

/// The header of a record that stays longer than it is shown: until when it is shown, in microseconds since 1970 by the world's
/// clock.
pub(super) const SHOWN_UNTIL: &str = "Jettimer-Shown-Until";

/// The header of a wake with the receiver of its timer, as host and port: wakes wait in line by receiver.
pub(super) const RECEIVER: &str = "Jettimer-Receiver";

/// The header of a waiting wake with the instant that it was armed for, in microseconds since 1970: a worker leaves a wake that comes
/// early alone until shortly before it.
pub(super) const DUE_AT: &str = "Jettimer-Due-At";

pub(super) const RECORD_SUBJECTS: &str = "$KV.timers.>";

/// The subject of a timer's record.
pub(super) fn record_subject(id: TimerId) -> Subject {
    format!("$KV.{BUCKET}.{id}").into()
}

/// The subject on which a timer's wakes come to the workers.
pub(super) fn fire_subject(id: TimerId) -> Subject {
    format!("{FIRE_PREFIX}{id}").into()
}

/// The subject under which a wake waits. The instant is part of it, so that arming for another
/// instant adds a wake and never takes one away.
pub(super) fn schedule_subject(id: TimerId, at: Timestamp) -> Subject {
    format!("{SCHEDULE_PREFIX}{id}.{}", at.as_micros()).into()
}

/// All waiting wakes of a timer.
pub(super) fn schedule_subjects_of(id: TimerId) -> String {
    format!("{SCHEDULE_PREFIX}{id}.*")
}

/// The timer that a fire subject names.
pub(super) fn timer_of(fire_subject: &str) -> Option<TimerId> {
    fire_subject.strip_prefix(FIRE_PREFIX)?.parse().ok()
}

/// The timer that a schedule subject names, and the instant that its wake was armed for.
pub(super) fn scheduled_wake(schedule_subject: &str) -> Option<(TimerId, Timestamp)> {
    let (id, at) = schedule_subject.strip_prefix(SCHEDULE_PREFIX)?.split_once('.')?;
    Some((id.parse().ok()?, Timestamp::from_micros(at.parse().ok()?)))
}

/// The timer whose record is on this subject.
pub(super) fn recorded_timer(record_subject: &str) -> Option<TimerId> {
    record_subject.strip_prefix("$KV.")?.strip_prefix(BUCKET)?.strip_prefix('.')?.parse().ok()
}
