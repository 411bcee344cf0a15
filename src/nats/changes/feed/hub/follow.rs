//! The loop that follows the feed, while there are readers.

use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::look::Looked;
use super::{FeedHub, told};
use crate::nats::changes::feed::extent::Extent;
use crate::nats::changes::feed::recent::Recent;
use crate::nats::changes::turned_back::LastHeard;
use crate::nats::error::NatsError;
use crate::nats::names::REPUBLISH_TO;
use crate::nats::nodes::mark::BucketState;
use crate::nats::requests::tail::Seen;

/// How often the hub checks whether the bucket is another one, has gone back, or has changes that the hub was not told of.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// After this time, it looks again at a bucket that has such changes: it may be told of them meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The pause after following the feed has failed.
const PAUSE: Duration = Duration::from_secs(1);

impl FeedHub {
    /// Follows the feed while there are readers, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let keep = async {
            let mut heard = None;
            loop {
                match self.follow(&mut heard).await {
                    Ok(()) => heard = None,
                    Err(error) => {
                        tracing::debug!(%error, "the feed is followed again");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        };
        stop.run_until_cancelled(keep).await;
    }

    /// Follows the feed until its bucket turns out to be another one, or to have gone back.
    async fn follow(&self, heard: &mut Option<LastHeard>) -> Result<(), NatsError> {
        let heard = match heard {
            Some(heard) => heard,
            None => heard.insert(LastHeard::of(BucketState::of(&self.link).await?)),
        };
        let mut readers = self.readers.subscribe();
        let mut reconnects = self.link.reconnects();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut subscriber = None;
        let mut looked_on = self.link.connection();
        loop {
            let wanted = *readers.borrow_and_update() > 0;
            // A reader may have found that the bucket is another one.
            let is_cut = self.lock().recent.is_none();
            if !wanted {
                subscriber = None;
                self.lock().recent = None;
            } else if subscriber.is_none() || is_cut {
                subscriber = Some(self.open().await?);
            }
            let mut message = None;
            tokio::select! {
                next = next(&mut subscriber) => message = Some(next?),
                _ = readers.changed() => continue,
                _ = reconnects.changed() => {}
                _ = look.tick() => {}
            }
            let seen = message.and_then(|message| Seen::republished(message, self.link.clock()));
            // Changes of a new connection must not hide that earlier ones are gone.
            if seen.is_none() || looked_on != self.link.connection() {
                looked_on = self.link.connection();
                match self.look(heard).await? {
                    Looked::Turned => return Ok(()),
                    Looked::Behind => look.reset_after(LOOK_AGAIN),
                    Looked::Same => {}
                }
            }
            if let Some(seen) = seen {
                heard.note(&seen);
                self.tell(&seen);
            }
        }
    }

    async fn open(&self) -> Result<Subscriber, NatsError> {
        let subscriber = self.link.subscribe(REPUBLISH_TO.to_owned()).await?;
        // Asked after the server knows of the subscription, so that no change is in neither.
        let last = Extent::of(&self.link).await?.last;
        self.lock().recent.get_or_insert_with(|| Recent::behind(last));
        self.changed.send_replace(());
        Ok(subscriber)
    }

    /// Passes a change to all readers.
    fn tell(&self, seen: &Seen) {
        let mut state = self.lock();
        let Some(recent) = &mut state.recent else { return };
        recent.push(told(seen));
        state.places.heard((seen.sequence, seen.stored_at));
        drop(state);
        self.changed.send_replace(());
    }
}

/// Waits for the next message; for ever without a subscription.
async fn next(subscriber: &mut Option<Subscriber>) -> Result<Message, NatsError> {
    match subscriber {
        Some(subscriber) => {
            let ended = || NatsError::NotDone("the subscription to the feed has ended".to_owned());
            subscriber.next().await.ok_or_else(ended)
        }
        None => std::future::pending().await,
    }
}
