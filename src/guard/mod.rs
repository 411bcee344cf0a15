//! The guard of records: what this node knows about the bucket that a broker with older data would not say, and whether its own clock can
//! judge leases and instants.
//!
//! It keeps the high-water mark that sweeps leave in NATS and a copy of it in a file of the node, and it notices at each
//! new connection that the bucket has gone back. `domain::high_water` has the rule; the engine and the sweep ask before
//! they act on a record.
//!
//! **Invariant:** no record is claimed, changed or repaired on the word of a broker whose bucket this node has not
//! compared with what it knew before.

mod file;
mod follow;
mod form;
mod heard;
mod known;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::clock::{Clock, Reference};
use crate::domain::high_water::HighWater;
use crate::domain::seen::Back;
use crate::domain::time::Timestamp;
use crate::domain::timer::TimerId;
use crate::metrics::Turned;
use crate::nats::{BucketState, Link, NatsError, Stay, Stored};
use heard::{Heard, UntilNow};
use known::{Known, Marks};

/// The name of the file in which a node remembers, in the directory of its journal.
pub const FILE: &str = "high-water.json";

/// A bucket that seems to have gone back is looked at this often before that is believed, with a pause after each look. Of a bucket with
/// replicas it is more often: a new leader has all writes, and may take seconds to apply them.
const BACK_LOOKS: u32 = 5;
const BACK_LOOKS_WITH_REPLICAS: u32 = 17;
const BACK_PAUSE: Duration = Duration::from_millis(300);

/// A bucket that was restored is taken to have fired what was due up to so long after this node's last contact with the newer data. Another
/// node may have heard from it a moment longer, or have a clock that is ahead.
const LONGER_CONTACT: Duration = Duration::from_secs(1);

/// How often the stored marks are written until no other node was faster.
const TELL_TRIES: u32 = 3;

/// Whether this file remembers a bucket with timers.
pub fn remembers_timers(path: &Path) -> bool {
    file::read(path).seen > 0
}

/// What this node knows about the bucket. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    link: Link,
    clock: Clock,
    reference: Reference,
    file: Option<Arc<PathBuf>>,
    /// How long records stay after the end, which follows from the marks; and the pause between two sweeps.
    stay: Option<(Stay, Duration)>,
    began: Instant,
    known: Arc<RwLock<Known>>,
    /// What this node has seen of the bucket's sequence, and its own last writes.
    heard: Arc<Mutex<Heard>>,
    /// The epoch of the link in which the bucket was compared with what was known; 0 for none.
    compared: Arc<AtomicU64>,
    /// One comparison at a time.
    comparing: Arc<tokio::sync::Mutex<()>>,
}

impl Guard {
    /// A guard that remembers in this file, if there is one, and says by `stay` how long records stay after the end if sweeps come at
    /// this interval.
    pub fn new(
        link: Link,
        clock: Clock,
        reference: Reference,
        file: Option<PathBuf>,
        stay: Option<(Stay, Duration)>,
    ) -> Self {
        let remembered = file.as_deref().map(file::read).unwrap_or_default();
        let known = Known::remembered(remembered.born, remembered.marks);
        let heard = Heard::remembered(remembered.seen, remembered.at);
        Self {
            link,
            clock,
            reference,
            file: file.map(Arc::new),
            stay,
            began: Instant::now(),
            known: Arc::new(RwLock::new(known)),
            heard: Arc::new(Mutex::new(heard)),
            compared: Arc::default(),
            comparing: Arc::default(),
        }
    }

    /// Compares the bucket with what was known, if that was not done on this connection, or since a request failed: the server of
    /// the bucket may have been away behind a connection to another one.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; nothing must be done about records until it is compared.
    pub async fn compare(&self) -> Result<(), NatsError> {
        if self.is_compared() {
            return Ok(());
        }
        // In a box: every wake asks, and few of them wait here.
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
        // Other nodes may write meanwhile. Nothing behind the first look was brought back.
        if gone_back(bucket, &heard) != Back::No && first.born == bucket.born {
            bucket.last = bucket.last.min(first.last);
        }
        let back = gone_back(bucket, &heard);
        let marks = form::from_json(&self.link.mark().await?.0);
        self.note(bucket, back, marks);
        // Other nodes may have heard less before, or may have been started since.
        if back != Back::No
            && let Err(error) = self.tell().await
        {
            tracing::warn!(%error, "other nodes cannot be told that the bucket has gone back");
        }
        self.compared.store(epoch, Ordering::Release);
        Ok(())
    }

    fn is_compared(&self) -> bool {
        // What is asked for while there is no connection is answered on the next one.
        self.link.is_up() && self.compared.load(Ordering::Acquire) == self.link.epoch()
    }

    /// The bucket, and what was heard of it until it was asked for; `None` if that was of another bucket.
    async fn look_at_bucket(&self) -> Result<(BucketState, Option<UntilNow>), NatsError> {
        let (born, heard) = (self.bucket_born(), self.heard(|heard| heard.until_now()));
        let bucket = self.link.bucket_state().await?;
        Ok((bucket, (born == bucket.born).then_some(heard)))
    }

    fn note(&self, bucket: BucketState, back: Back, marks: Option<Marks>) {
        let was = self.heard(|heard| heard.seen.highest());
        let before = self.bucket_born();
        if self.write(|known| known.turn_to(bucket.born)) {
            if before != 0 && was > 0 {
                self.link.bucket_turned(Turned::Other);
                tracing::error!(
                    was,
                    is = bucket.last,
                    "the bucket of timers is another than the one that this node has seen: NATS' data was lost or replaced, or this is \
                     another NATS. What was in the other one is not called from here; see docs/reliability.md, \"Restored data\""
                );
            }
            // Sequences of another bucket say nothing about this one.
            self.heard(|heard| *heard = Heard::default());
        }
        match back {
            Back::No => {}
            Back::Tail => {
                let timers = self.heard(|heard| heard.lost_after(bucket.last));
                self.link.bucket_turned(Turned::Tail);
                tracing::warn!(was, is = bucket.last, timers = timers.len(), "NATS lost its last writes");
                self.write(|known| known.lost_writes(bucket, timers));
            }
            Back::Restored => {
                let longer = self.clock.pace().by_the_clock(LONGER_CONTACT);
                let upto = self.contact().unwrap_or_else(|| self.now()).saturating_add(longer);
                self.write(|known| known.was_restored(bucket, upto));
                self.link.bucket_turned(Turned::Restored);
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

    /// Whether this node's clock is off from most clocks, so that this node must not claim timers, take over claims, or sweep.
    pub fn is_clock_off(&self) -> bool {
        self.reference.is_off(self.clock)
    }

    /// Waits until this node's clock was compared with others.
    pub async fn clock_compared(&self) {
        self.reference.looked().await;
    }

    /// The present instant, by most clocks if this node's is off.
    fn now(&self) -> Timestamp {
        self.clock.shown(self.reference.world(self.clock))
    }

    /// When a node was last in contact with the bucket, as a right clock shows it now.
    fn contact(&self) -> Option<Timestamp> {
        let now = self.now();
        let ago = |at: Duration| self.clock.pace().by_the_clock(self.began.elapsed().saturating_sub(at));
        self.heard(|heard| match heard.seen.contact() {
            Some(at) => Some(now.saturating_sub(ago(at))),
            // A clock that was ahead then must not make timers of the future late ones.
            None => heard.contact_before.map(|at| at.min(now)),
        })
    }

    /// Whether this record was brought back by a broker or a backup, as far as this node can tell.
    pub fn is_restored(&self, stored: &Stored) -> bool {
        self.read(|known| known.is_restored(stored.timer.id, &stored.timer.state, stored.revision))
    }

    /// Notes that this node changed the timer, under this revision.
    pub fn wrote(&self, timer: TimerId, revision: u64) {
        let now = self.began.elapsed();
        self.heard(|heard| heard.wrote(timer, revision, now));
    }

    /// The highest sequence that was seen in the bucket, by this process or one that remembered in its file; 0 if none was.
    pub fn seen(&self) -> u64 {
        self.heard(|heard| heard.seen.highest())
    }

    /// When the bucket was created: nanoseconds since the epoch. 0 before it was compared.
    pub fn bucket_born(&self) -> i128 {
        self.read(Known::born)
    }

    /// Stores the mark of a sweep for all nodes.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; this node knows the mark all the same.
    pub async fn keep(&self, mark: HighWater) -> Result<(), NatsError> {
        self.learn(Marks::of_sweep(mark), u64::MAX);
        self.tell().await
    }

    /// Stores what this node knows for all nodes, with what they know.
    async fn tell(&self) -> Result<(), NatsError> {
        for _ in 0..TELL_TRIES {
            let (json, revision) = self.link.mark().await?;
            if let Some(marks) = form::from_json(&json) {
                self.learn(marks, u64::MAX);
            }
            let json = self.read(|known| form::to_json(known.born(), known.marks()));
            if self.link.put_mark(json, revision).await? {
                break;
            }
        }
        Ok(())
    }

    /// Takes over marks of the bucket, none of which speaks of a record behind this sequence.
    fn learn(&self, marks: Marks, last: u64) {
        self.write(|known| known.learn(marks, last));
    }

    fn heard<T>(&self, then: impl FnOnce(&mut Heard) -> T) -> T {
        then(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read<T>(&self, read: impl FnOnce(&Known) -> T) -> T {
        read(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Known) -> T) -> T {
        write(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }
}
