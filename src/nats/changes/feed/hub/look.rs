//! Finds out whether the feed has gone back, since NATS lost changes or its data was restored, and whether the hub was not told of all.

use serde_json::json;

use super::{FeedHub, Turn};
use crate::nats::changes::feed::extent::Extent;
use crate::nats::changes::feed::places::Place;
use crate::nats::changes::feed::recent::Recent;
use crate::nats::changes::turned_back::LastHeard;
use crate::nats::error::NatsError;
use crate::nats::names::BUCKET_STREAM;
use crate::nats::requests::replica::Batch;

/// Two ways of reading the server's nanoseconds round them differently, by less than this.
const ROUNDING_MICROS: u64 = 1_000;

/// The result of a look at the bucket.
pub(super) enum Looked {
    /// It is another one, or has gone back.
    Turned,
    /// It has changes that the hub was not told of, and may still be.
    Behind,
    Same,
}

impl FeedHub {
    /// Looks at the bucket, of which the last changes that were heard are known.
    pub(super) async fn look(&self, heard: &LastHeard) -> Result<Looked, NatsError> {
        let extent = Extent::of(&self.link).await?;
        if self.note(&extent) {
            return Ok(Looked::Turned);
        }
        let newest = self.lock().places.newest().map_or(0, |(newest, _)| newest);
        if heard.is_undone(&self.link, newest).await? {
            self.go_back(newest).await?;
            return Ok(Looked::Turned);
        }
        if extent.last > 0 {
            self.lock().places.seen((extent.last, extent.last_at));
        }
        Ok(if self.is_told_of(extent.last) { Looked::Same } else { Looked::Behind })
    }

    /// Whether the hub was told of this change. If it was not at two looks in a row, readers read the bucket up to it.
    fn is_told_of(&self, last: u64) -> bool {
        let mut state = self.lock();
        let told = state.recent.as_ref().map_or(last, Recent::last);
        if told >= last {
            state.behind = None;
            return true;
        }
        if state.behind.replace(told) == Some(told) {
            state.behind = None;
            state.recent = Some(Recent::behind(last));
            drop(state);
            self.changed.send_replace(());
            return true;
        }
        false
    }

    /// Goes back to the newest known position that is still as it was.
    async fn go_back(&self, newest: u64) -> Result<(), NatsError> {
        let known = self.lock().places.newest_first();
        let mut kept = 0;
        for place in known {
            if self.is_there(place).await? {
                kept = place.0;
                break;
            }
        }
        tracing::warn!(
            was = newest,
            is = kept,
            "the feed has gone back: NATS lost changes, or its data was restored"
        );
        let mut state = self.lock();
        state.places.lose(kept);
        state.turned(Turn::Back(kept));
        drop(state);
        self.changed.send_replace(());
        Ok(())
    }

    /// Whether the bucket still has this change, stored at the same time.
    async fn is_there(&self, (sequence, stored_at): Place) -> Result<bool, NatsError> {
        let batch = Batch::read(&self.link, BUCKET_STREAM, &json!({ "seq": sequence, "batch": 1 })).await?;
        let message = batch.messages.first().filter(|message| message.sequence() == sequence);
        let at = message.map(|message| self.link.clock().shown(message.stored_at()));
        Ok(at.is_some_and(|at| at.as_micros().abs_diff(stored_at.as_micros()) <= ROUNDING_MICROS))
    }
}
