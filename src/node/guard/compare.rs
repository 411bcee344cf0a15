//! Compares the broker's bucket with this node's knowledge of it, and takes the consequences if the bucket has gone back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::bucket_view::Marks;
use super::heard::{Heard, UntilNow};
use super::{Guard, form};
use crate::foundation::metrics::Turned;
use crate::nats::{BucketState, NatsError, read_mark};
use rules::domain::seen::Back;

/// How many times a bucket that seems to have gone back is read before the node believes it, with a pause after each read. A bucket
/// with replicas is read more often: a new leader has all writes, but may take seconds to apply them.
const BACK_LOOKS: u32 = 5;
const BACK_LOOKS_WITH_REPLICAS: u32 = 17;
const BACK_PAUSE: Duration = Duration::from_millis(300);

/// A restored bucket is assumed to have fired all that was due up to this long after this node's last contact with the newer data.
/// Another node may have been in contact a moment longer, or have a clock that is ahead.
const LONGER_CONTACT: Duration = Duration::from_secs(1);

impl Guard {
    /// Compares the bucket with the node's knowledge, unless that was done on this connection and no request has failed since: the
    /// bucket's server may have been away although the connection, to another server, was up.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; until the bucket is compared, the caller must not act on records.
    pub async fn compare(&self) -> Result<(), NatsError> {
        if self.is_compared() {
            return Ok(());
        }
        // In a box: every wake calls this, and few of them wait here.
        Box::pin(self.compare_now()).await
    }

    async fn compare_now(&self) -> Result<(), NatsError> {
        self.link.up().await?;
        let _one = self.comparing.lock().await;
        let epoch = self.link.epoch();
        if self.is_compared() {
            return Ok(());
        }
        let (mut bucket, mut heard) = self.look_at_bucket().await?;
        let first = bucket;
        let looks = if first.replicas > 1 { BACK_LOOKS_WITH_REPLICAS } else { BACK_LOOKS };
        let gone_back = |bucket: BucketState, heard: &Option<UntilNow>| {
            heard.as_ref().map_or(Back::No, |heard| heard.judge(bucket.last))
        };
        for _ in 1..looks {
            if gone_back(bucket, &heard) == Back::No {
                break;
            }
            tokio::time::sleep(BACK_PAUSE).await;
            (bucket, heard) = self.look_at_bucket().await?;
        }
        // Other nodes may write meanwhile. No record after the first look's last sequence was brought back.
        if gone_back(bucket, &heard) != Back::No && first.born == bucket.born {
            bucket.last = bucket.last.min(first.last);
        }
        let back = gone_back(bucket, &heard);
        let marks = form::from_json(&read_mark(&self.link).await?.0);
        self.note(bucket, back, marks);
        // Other nodes may have heard less before, or may have started since.
        if back != Back::No
            && let Err(error) = self.tell().await
        {
            tracing::warn!(%error, "cannot tell other nodes that the bucket has gone back");
        }
        self.compared.store(epoch, Ordering::Release);
        Ok(())
    }

    pub(super) fn is_compared(&self) -> bool {
        // A request that is made while there is no connection is answered on the next one.
        self.link.is_up() && self.compared.load(Ordering::Acquire) == self.link.epoch()
    }

    /// The bucket, and what was heard of it until the request; `None` if that was about another bucket.
    pub(super) async fn look_at_bucket(&self) -> Result<(BucketState, Option<UntilNow>), NatsError> {
        let (born, heard) = (self.bucket_born(), self.heard(|heard| heard.until_now()));
        let bucket = BucketState::of(&self.link).await?;
        Ok((bucket, (born == bucket.born).then_some(heard)))
    }

    fn note(&self, bucket: BucketState, back: Back, marks: Option<Marks>) {
        let was = self.heard(|heard| heard.seen.highest());
        let before = self.bucket_born();
        if self.write(|known| known.turn_to(bucket.born)) {
            if before != 0 && was > 0 {
                self.metrics.nats.turned.count(Turned::Other);
                tracing::error!(
                    was,
                    is = bucket.last,
                    "the bucket of timers is not the one that this node has seen before: NATS' data was lost or replaced, or this is \
                     another NATS. Timers of the other bucket are not called from here; see docs/reliability.md, \"Restored data\""
                );
            }
            // Sequences of another bucket say nothing about this one.
            self.heard(|heard| *heard = Heard::default());
        }
        match back {
            Back::No => {}
            Back::Tail => {
                let timers = self.heard(|heard| heard.lost_after(bucket.last));
                self.metrics.nats.turned.count(Turned::Tail);
                tracing::warn!(was, is = bucket.last, timers = timers.len(), "NATS lost its last writes");
                self.write(|known| known.lost_writes(bucket, timers));
            }
            Back::Restored => {
                let longer = self.clock.scale().world_to_clock(LONGER_CONTACT);
                let upto = self.contact().unwrap_or_else(|| self.now()).saturating_add(longer);
                self.write(|known| known.was_restored(bucket, upto));
                self.metrics.nats.turned.count(Turned::Restored);
                tracing::error!(
                    was,
                    is = bucket.last,
                    "the bucket of timers has gone back: NATS lost writes, or its data was restored from a backup. Timers that \
                     were due before become unknown and are not called; see docs/reliability.md, \"Restored data\""
                );
            }
        }
        if let Some(marks) = marks {
            self.learn(marks, bucket.last);
        }
        if back != Back::No {
            self.heard(|heard| heard.seen.go_back(bucket.last));
        }
    }
}
