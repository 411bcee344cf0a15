//! Finds out whether the feed has gone back, since NATS lost events or its data was restored, and whether it lacks changes of the bucket.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{FeedHub, Turn};
use crate::nats::changes::feed::extent::Extent;
use crate::nats::changes::feed::places::Place;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, EVENTS};
use crate::nats::requests::leader;
use crate::nats::requests::replica::Batch;

/// How often the hub looks at a feed that seems to have gone back before it believes that, with a pause between two looks: a new
/// leader may be a moment behind.
const LOOKS: u32 = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Two ways of reading the server's nanoseconds round them differently, by less than this.
const ROUNDING_MICROS: u64 = 1_000;

/// A change has its event within this time, or never: nats-server has milliseconds of work between the two.
const EVENT_WITHIN: Duration = Duration::from_secs(4);

/// How far the bucket and the feed were at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct BucketLook {
    at: Instant,
    /// The last change of the bucket.
    revision: u64,
    /// The last event, read after it.
    sequence: u64,
}

impl FeedHub {
    /// Notes how far the bucket is. If the feed has had no event since an earlier look, and the bucket had changes by then that are in no
    /// event, the stream has refused these.
    async fn look_at_bucket(&self) -> Result<(), NatsError> {
        let revision = leader::stream_info(&self.link, BUCKET_STREAM).await?.state.last_seq;
        let sequence = Extent::of(&self.link).await?.last;
        let mut state = self.lock();
        let before = state.bucket.filter(|before| before.sequence == sequence);
        if before.is_some_and(|before| before.at.elapsed() < EVENT_WITHIN) {
            return Ok(());
        }
        state.bucket = Some(BucketLook { at: Instant::now(), revision, sequence });
        state.reached = before.map(|before| (sequence, before.revision)).or(state.reached);
        drop(state);
        self.changed.send_replace(());
        Ok(())
    }

    /// Checks whether the feed is another one or has gone back.
    pub(super) async fn look(&self) -> Result<bool, NatsError> {
        let extent = Extent::of(&self.link).await?;
        if self.note(&extent) {
            return Ok(true);
        }
        let newest = self.lock().places.newest().unwrap_or((0, extent.last_at));
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            let extent = Extent::of(&self.link).await?;
            if extent.last >= newest.0 && (newest.0 == 0 || !self.is_another(newest).await?) {
                if extent.last > 0 {
                    self.lock().places.seen((extent.last, extent.last_at));
                }
                self.look_at_bucket().await?;
                return Ok(false);
            }
        }
        let known = self.lock().places.newest_first();
        let mut kept = 0;
        for place in known {
            if self.is_there(place).await? {
                kept = place.0;
                break;
            }
        }
        tracing::warn!(
            was = newest.0,
            is = kept,
            "the feed has gone back: NATS lost events, or its data was restored"
        );
        let mut state = self.lock();
        state.places.lose(kept);
        state.turned(Turn::Back(kept));
        drop(state);
        self.changed.send_replace(());
        Ok(true)
    }

    /// Whether an event of this number was stored at another time.
    async fn is_another(&self, place: Place) -> Result<bool, NatsError> {
        Ok(self.stored_at(place.0).await?.is_some_and(|stored_at| !is_close(stored_at, place)))
    }

    async fn is_there(&self, place: Place) -> Result<bool, NatsError> {
        Ok(self.stored_at(place.0).await?.is_some_and(|stored_at| is_close(stored_at, place)))
    }

    /// When the event of this number was stored, if it is there.
    async fn stored_at(&self, sequence: u64) -> Result<Option<u64>, NatsError> {
        let batch = Batch::read(&self.link, EVENTS, &json!({ "seq": sequence, "batch": 1 })).await?;
        let message = batch.messages.first().filter(|message| message.sequence() == sequence);
        Ok(message.map(|message| self.link.clock().shown(message.stored_at()).as_micros()))
    }
}

fn is_close(stored_at: u64, place: Place) -> bool {
    stored_at.abs_diff(place.1.as_micros()) <= ROUNDING_MICROS
}
