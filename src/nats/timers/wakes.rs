//! Wakes: the broker hands a timer to a worker shortly before it is due.

use std::time::Duration;

use async_nats::{HeaderMap, HeaderName, Subject};
use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use crate::foundation::rfc3339;
use crate::nats::api::header::{NATS_MESSAGE_ID, NATS_SCHEDULE, NATS_SCHEDULE_TARGET};
use crate::nats::api::{Published, subject};
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{
    CONSUMER, DUE_AT, FIRE_SUBJECTS, RECEIVER, STREAM, fire_subject, schedule_subject, schedule_subjects_of,
};
use crate::nats::requests::leader;
use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// Arms and removes wakes. Cheap to clone.
#[derive(Clone)]
pub struct Wakes {
    link: Link,
}

/// A wake that a worker holds. It comes again, here or elsewhere, until it is settled.
#[derive(Debug)]
pub struct Wake {
    /// The timer to look at.
    pub id: TimerId,
    /// How often it has been delivered, from 1.
    pub tries: u32,
    /// The [authority](rules::domain::target::TargetUrl::authority) of the receiver that its timer had when it was armed. Absent from
    /// wakes of older versions.
    pub receiver: Option<String>,
    /// The instant that it was armed for. Absent from wakes that were due at once, and from those of older versions.
    pub due_at: Option<Timestamp>,
    pub(in crate::nats) reply: Subject,
}

impl Wakes {
    /// Wakes on the broker that `link` is connected to.
    pub fn new(link: Link) -> Self {
        Self { link }
    }

    /// Arms a wake for the timer: it comes to a worker `lead` before `at`, or right now if that is past. Arming for the same
    /// instant again changes nothing: a waiting wake is known by its subject, and a due one by `try_id`, which is the same for
    /// repeated tries of one arming.
    ///
    /// The wake names `receiver`, by host and port, as the one that its timer calls. Wakes wait in line by it at a worker, which
    /// decides nothing else by it.
    ///
    /// Returns the wake's sequence number in the stream of wakes.
    ///
    /// # Errors
    ///
    /// The wake may be armed anyway. Arming again with the same `try_id` is harmless.
    pub async fn arm(
        &self,
        id: TimerId,
        at: Timestamp,
        lead: Duration,
        receiver: &str,
        now: Timestamp,
        try_id: Uuid,
    ) -> Result<u64, NatsError> {
        let clock = self.link.clock();
        let wake_at = at.saturating_sub(clock.scale().world_to_clock(lead));
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(RECEIVER), receiver);
        // The scheduler never fires sooner than its next tick, so a wake that is due at once goes around it.
        let subject = if wake_at <= now {
            headers.insert(NATS_MESSAGE_ID, try_id.simple().to_string());
            fire_subject(id)
        } else {
            let wake_at = rfc3339::Text::of(clock.in_the_world(wake_at));
            headers.insert(NATS_SCHEDULE, format!("@at {}", wake_at.as_str()));
            headers.insert(HeaderName::from_static(DUE_AT), at.as_micros().to_string());
            headers.insert(NATS_SCHEDULE_TARGET, fire_subject(id).into_string());
            schedule_subject(id, at)
        };
        match self.link.publish(subject, headers, Bytes::new()).await? {
            Published::At(sequence) => Ok(sequence),
            Published::WrongLast => {
                Err(NatsError::NotDone("NATS refused a wake that expects no earlier message".to_owned()))
            }
        }
    }

    /// Removes the timer's waiting wakes with a sequence number below `before`, or all of them. A wake near its instant may come
    /// even so.
    ///
    /// # Errors
    ///
    /// If no answer comes. An answer that refuses the removal is not an error: wakes that stay are harmless.
    pub async fn disarm(&self, id: TimerId, before: Option<u64>) -> Result<(), NatsError> {
        let mut request = json!({ "filter": schedule_subjects_of(id) });
        if let Some(before) = before {
            // JetStream purges up to this sequence and leaves the message that has it.
            request["seq"] = before.into();
        }
        self.link.ask(subject::purge(STREAM), None, request.to_string().into()).await.map(drop)
    }

    /// Removes due wakes that were settled and are still in the stream, as after NATS could not write to a full disk. NATS does not
    /// deliver them again, though they look like wakes that are about to come. Returns their number.
    ///
    /// # Errors
    ///
    /// Some wakes may be removed anyway. Calling again is harmless.
    pub async fn remove_settled(&self) -> Result<u64, NatsError> {
        let settled = leader::consumer_info(&self.link, STREAM, CONSUMER).await?.ack_floor.stream_seq;
        // JetStream purges up to this sequence and leaves the message that has it.
        let request = json!({ "filter": FIRE_SUBJECTS, "seq": settled + 1 });
        leader::purge(&self.link, STREAM, &request).await
    }

    /// Settles a wake, so that it does not come again. If this message is lost, the wake does come again, which is harmless.
    pub async fn settle(&self, wake: &Wake) {
        self.answer(wake, "+ACK".into()).await;
    }

    /// Gives a wake back, to come again after `delay`.
    pub async fn give_back(&self, wake: &Wake, delay: Duration) {
        let answer = if delay.is_zero() {
            "-NAK".into()
        } else {
            Bytes::from(format!("-NAK {{\"delay\": {}}}", delay.as_nanos()))
        };
        self.answer(wake, answer).await;
    }

    /// Says that this worker is still busy with the wake, so that it is not given to another.
    pub async fn keep(&self, wake: &Wake) {
        self.answer(wake, "+WPI".into()).await;
    }

    async fn answer(&self, wake: &Wake, answer: Bytes) {
        if !self.link.tell(wake.reply.clone(), None, answer).await {
            tracing::debug!(timer = %wake.id, "an acknowledgement could not be sent; the wake will come again");
        }
    }
}
