//! The records: one key per timer in the KV bucket, changed by compare-and-swap only.

use async_nats::{HeaderMap, HeaderValue};

use super::headroom;
use super::keeping::Keeping;
use super::record::{self, Later};
use super::versions;
use crate::foundation::clock::Clock;
use crate::nats::api::Published;
use crate::nats::api::header::{
    KV_OPERATION, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_TTL, NATS_SEQUENCE,
};
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, SHOWN_UNTIL, record_subject};
use crate::nats::requests::{leader, replica};
use rules::domain::time::Timestamp;
use rules::domain::timer::{Timer, TimerId};
use rules::ledger::Past;

/// A timer as it is stored, with the revision that a change of it must name.
#[derive(Clone, Debug)]
pub struct Stored {
    pub timer: Timer,
    /// The sequence number of the record in the bucket's stream.
    pub revision: u64,
    /// The versions of the record before this one.
    pub(in crate::nats) past: Past,
    /// The fields that only a later version knows. They stay as the record is replaced.
    pub(in crate::nats) later: Later,
}

impl Stored {
    /// A new record.
    pub fn new(timer: Timer, revision: u64) -> Self {
        Self { timer, revision, past: Past::none(), later: Later::default() }
    }

    /// The record that was stored in place of this one.
    pub fn replaced_by(&self, timer: Timer, revision: u64) -> Self {
        Self { timer, revision, past: versions::past_of_next(self), later: self.later.clone() }
    }

    /// Whether both have the same fields of a later version.
    pub fn is_like(&self, other: &Self) -> bool {
        self.later == other.later
    }

    /// Reads a record of this revision and with this past.
    pub(in crate::nats) fn read(json: &[u8], revision: u64, past: Past) -> Result<Self, String> {
        record::read(json).map(|(timer, later)| Self { timer, revision, past, later })
    }
}

/// The result of a [`Store::put`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is stored under this revision.
    Done(u64),
    /// The record is no longer at the expected revision.
    Lost,
}

/// The bucket of records. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    link: Link,
    keeping: Keeping,
}

impl Store {
    /// The bucket on the broker that `link` is connected to.
    pub fn new(link: Link, keeping: Keeping) -> Self {
        Self { link, keeping }
    }

    /// Reads a record from any replica: fast, spread over the servers, and possibly a moment old.
    /// For readers whose next step is a compare-and-swap.
    ///
    /// # Errors
    ///
    /// [`NatsError::Unreadable`] if the record is damaged or of another version; asking again does not help. With any other
    /// error it may.
    pub async fn peek(&self, id: TimerId) -> Result<Option<Stored>, NatsError> {
        let subject = record_subject(id);
        let Some(message) = replica::last_message(&self.link, BUCKET_STREAM, &subject).await? else {
            return Ok(None);
        };
        let shown_until = message.header(SHOWN_UNTIL).and_then(|text| text.parse().ok());
        if message.header(KV_OPERATION).is_some() || is_over(self.link.clock(), shown_until) {
            return Ok(None);
        }
        let revision = message.header(NATS_SEQUENCE).and_then(|text| text.parse().ok());
        let revision = revision.ok_or_else(|| {
            NatsError::Unclear("the answer to a direct get has no sequence number".to_owned())
        })?;
        let expected = message.header(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE).and_then(|text| text.parse().ok());
        let past = versions::past(|name| message.header(name), expected);
        decode(id, message.payload(), revision, past).map(Some)
    }

    /// Reads a record from the leader: never older than any write that was answered before.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub async fn read(&self, id: TimerId) -> Result<Option<Stored>, NatsError> {
        Ok(self.find(id).await?.and_then(|found| match found {
            Found::Shown(stored) => Some(*stored),
            Found::Hidden { .. } | Found::Removed => None,
        }))
    }

    async fn find(&self, id: TimerId) -> Result<Option<Found>, NatsError> {
        let subject = record_subject(id);
        let Some(message) = leader::last_message(&self.link, BUCKET_STREAM, &subject).await? else {
            return Ok(None);
        };
        if message.data.is_empty() {
            return Ok(Some(Found::Removed));
        }
        let headers = String::from_utf8_lossy(&message.hdrs);
        let header = |name: &str| named(&headers, name);
        let expected =
            header(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE.as_ref()).and_then(|text| text.parse().ok());
        let past = versions::past(header, expected);
        if is_over(self.link.clock(), header(SHOWN_UNTIL).and_then(|text| text.parse().ok())) {
            let old = decode(id, &message.data, message.seq, past).ok();
            let gave_up_at = old.and_then(|old| old.timer.gave_up_at);
            return Ok(Some(Found::Hidden { revision: message.seq, gave_up_at }));
        }
        decode(id, &message.data, message.seq, past).map(|stored| Some(Found::Shown(Box::new(stored))))
    }

    /// Stores `timer` in place of the record `over`, or as a new record.
    ///
    /// # Errors
    ///
    /// With [`NatsError::Unclear`], the record may be stored anyway, and only reading it tells. [`NatsError::TooLarge`] comes
    /// without a request.
    pub async fn put(&self, timer: &Timer, over: Option<&Stored>) -> Result<Put, NatsError> {
        let expected = over.map_or(0, |over| over.revision);
        let headers = self.headers(timer, over, expected);
        let json = headroom::json(timer, over, &self.link)?;
        match self.link.publish(record_subject(timer.id), headers, json).await? {
            Published::At(revision) => Ok(Put::Done(revision)),
            Published::WrongLast if over.is_some() => Ok(Put::Lost),
            Published::WrongLast => Box::pin(self.put_over_hidden(timer)).await,
        }
    }

    /// Stores a new record in place of one that is no longer shown, which counts as absent. The new timer takes over the last instant that
    /// the old one gave up: NATS may bring back versions of both.
    async fn put_over_hidden(&self, timer: &Timer) -> Result<Put, NatsError> {
        let (revision, gave_up_at) = match self.find(timer.id).await? {
            Some(Found::Hidden { revision, gave_up_at }) => (revision, gave_up_at),
            Some(Found::Shown(_) | Found::Removed) => return Ok(Put::Lost),
            // The other write may be an earlier try of this one.
            None => return Err(NatsError::another_is_on_its_way()),
        };
        let gave_up_at = timer.gave_up_at.max(gave_up_at);
        let timer = Timer { gave_up_at, ..timer.clone() };
        let headers = self.headers(&timer, None, revision);
        match self
            .link
            .publish(record_subject(timer.id), headers, headroom::json(&timer, None, &self.link)?)
            .await?
        {
            Published::At(revision) => Ok(Put::Done(revision)),
            Published::WrongLast => Ok(Put::Lost),
        }
    }

    /// The headers of a write that replaces the revision `expected`.
    fn headers(&self, timer: &Timer, over: Option<&Stored>, expected: u64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(expected));
        versions::name_versions(&mut headers, over);
        if let Some(ended_at) = timer.state.ended_at() {
            let clock = self.link.clock();
            let shown_until = ended_at.saturating_add(self.keeping.retention);
            let leaves_at = self.keeping.leaves_at(timer, ended_at, clock.scale());
            if leaves_at > shown_until {
                headers.insert(SHOWN_UNTIL, clock.in_the_world(shown_until).as_micros().to_string());
            }
            let stays = clock.moment().until(leaves_at);
            // Whole seconds, rounded up.
            let seconds = stays.as_secs() + u64::from(stays.subsec_nanos() > 0);
            headers.insert(NATS_MESSAGE_TTL, HeaderValue::from(seconds.max(1)));
        }
        headers
    }
}

/// The leader's record under a timer's key.
enum Found {
    Shown(Box<Stored>),
    /// A record that only stays so that the broker does not bring an older version back.
    Hidden {
        revision: u64,
        gave_up_at: Option<Timestamp>,
    },
    /// The record was removed by hand, and only its marker is left.
    Removed,
}

/// The value of the first header of this name, in the text of all headers.
fn named<'h>(headers: &'h str, name: &str) -> Option<&'h str> {
    headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn is_over(clock: Clock, shown_until: Option<u64>) -> bool {
    shown_until.is_some_and(|until| until <= clock.world().as_micros())
}

fn decode(id: TimerId, json: &[u8], revision: u64, past: Past) -> Result<Stored, NatsError> {
    Stored::read(json, revision, past)
        .map_err(|why| NatsError::Unreadable(format!("the record of timer {id} cannot be read: {why}")))
}
