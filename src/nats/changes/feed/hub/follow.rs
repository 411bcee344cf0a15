//! The loop that follows the feed, while there are readers.

use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{FeedHub, told};
use crate::nats::changes::feed::extent::Extent;
use crate::nats::changes::feed::recent::Recent;
use crate::nats::error::NatsError;
use crate::nats::names::EVENTS;
use crate::nats::requests::tail::{Seen, Tail};

/// How often the hub checks whether the feed is another one, or has gone back.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The pause after following the feed has failed.
const PAUSE: Duration = Duration::from_secs(1);

impl FeedHub {
    /// Follows the feed while there are readers, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let keep = async {
            loop {
                if let Err(error) = self.follow().await {
                    tracing::debug!(%error, "the feed is followed again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        stop.run_until_cancelled(keep).await;
    }

    /// Follows the feed until it turns out to be another one, or to have gone back.
    async fn follow(&self) -> Result<(), NatsError> {
        let mut readers = self.readers.subscribe();
        let mut reconnects = self.link.reconnects();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tail = None;
        let mut looked_on = self.link.connection();
        loop {
            let wanted = *readers.borrow_and_update() > 0;
            // A reader may have found that the stream is another one.
            let is_cut = self.lock().recent.is_none();
            if !wanted {
                tail = None;
                self.lock().recent = None;
            } else if tail.is_none() || is_cut {
                tail = Some(self.open().await?);
            }
            tokio::select! {
                seen = next(&mut tail) => {
                    let seen = seen?;
                    // Events of a new connection must not hide that earlier ones are gone.
                    if looked_on != self.link.connection() {
                        looked_on = self.link.connection();
                        if self.look().await? {
                            return Ok(());
                        }
                    }
                    if !self.tell(&seen) {
                        return Err(NatsError::NotDone("the feed restarts at an earlier event".to_owned()));
                    }
                }
                _ = readers.changed() => {}
                _ = reconnects.changed() => {
                    looked_on = self.link.connection();
                    if self.look().await? {
                        return Ok(());
                    }
                }
                _ = look.tick() => if self.look().await? { return Ok(()) },
            }
        }
    }

    async fn open(&self) -> Result<Tail, NatsError> {
        let known = self.lock().recent.as_ref().map(Recent::last);
        let place = match known {
            Some(place) => place,
            None => Extent::of(&self.link).await?.last,
        };
        let policy = DeliverPolicy::ByStartSequence { start_sequence: place.saturating_add(1) };
        let (tail, _) = Tail::open(&self.link, EVENTS, policy).await?;
        self.lock().recent.get_or_insert_with(|| Recent::behind(place));
        self.changed.send_replace(());
        Ok(tail)
    }

    /// Passes a message to all readers; `false` if it is not later than the last one.
    fn tell(&self, seen: &Seen) -> bool {
        let mut state = self.lock();
        let Some(recent) = &mut state.recent else { return true };
        if seen.sequence <= recent.last() {
            return false;
        }
        recent.push(told(seen));
        state.places.heard((seen.sequence, seen.stored_at));
        drop(state);
        self.changed.send_replace(());
        true
    }
}

/// Waits for the next message; for ever without a consumer.
async fn next(tail: &mut Option<Tail>) -> Result<Seen, NatsError> {
    match tail {
        Some(tail) => tail.next().await,
        None => std::future::pending().await,
    }
}
