//! The guard of records: what this node knows about the bucket that a broker with older data would not tell, and whether the
//! node's own clock can judge leases and instants.
//!
//! It keeps the high-water mark that sweeps store in NATS, and a copy of it in a file of the node. It notices at each new
//! connection that the bucket has gone back. `domain::high_water` has the rule; the engine and the sweep ask before they act
//! on a record.
//!
//! The last version of a record stays until a mark covers it, as far as that can be told when the timer ends, and past every instant that
//! the timer gave up by a cancel or a move. Replicas do not change this: three servers that are killed at once bring versions back as one
//! does. Clients see the record for `--retention` only.
//!
//! Why the broker is not kept from bringing versions back (`scripts/broker-revival` tries each way of writing the bucket): roll-ups need a
//! history of more than one and leave tombstones. When nats-server 2.15.1 compacts the block with the tombstones, it drops those of a dead
//! run at the start of a block. So a batch of short timers before a batch of long ones came back in full with each kind of roll-up (3,074
//! of 3,074 records at risk, as without a roll-up). The stream of events also refuses republished messages that carry a roll-up. Erasing
//! each version works and costs some 3 ms of CPU per timer. Writing every record again works, but not for a nearly idle bucket, whose last
//! block is never removed. The mark holds in all of these cases, and costs one key per sweep.
//!
//! **Invariant:** no record is claimed, changed or repaired on the word of a broker until this node has compared the
//! broker's bucket with its own knowledge.

mod bucket_view;
mod compare;
mod file;
mod follow;
mod form;
mod heard;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::foundation::clock::{Clock, Reference};
use crate::foundation::metrics::Metrics;
use crate::nats::{Link, NatsError, Stay, Stored, put_mark, read_mark};
use bucket_view::{BucketView, Marks};
use heard::Heard;
use rules::domain::high_water::HighWater;
use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// The name of the file in which a node remembers the bucket, in the directory of its journal.
pub const FILE: &str = "high-water.json";

/// How often the node tries to write the stored marks if other nodes write them first.
const TELL_TRIES: u32 = 3;

/// Whether this file remembers a bucket that had timers.
pub fn remembers_timers(path: &Path) -> bool {
    file::read(path).seen > 0
}

/// The knowledge of this node about the bucket. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    link: Link,
    clock: Clock,
    metrics: Arc<Metrics>,
    reference: Reference,
    file: Option<Arc<PathBuf>>,
    /// How long records stay after their timer's end, which follows from the marks; and the pause between two sweeps.
    stay: Option<(Stay, Duration)>,
    began: Instant,
    known: Arc<RwLock<BucketView>>,
    /// The sequences of the bucket that this node has seen, and its own last writes.
    heard: Arc<Mutex<Heard>>,
    /// The epoch of the link in which the bucket was last compared with the node's knowledge; 0 if it was not.
    compared: Arc<AtomicU64>,
    /// One comparison at a time.
    comparing: Arc<tokio::sync::Mutex<()>>,
}

impl Guard {
    /// A guard that remembers in `file`, if there is one. By `stay`, it sets how long records stay after the end if sweeps come at
    /// this interval.
    pub fn new(
        link: Link,
        clock: Clock,
        metrics: Arc<Metrics>,
        reference: Reference,
        file: Option<PathBuf>,
        stay: Option<(Stay, Duration)>,
    ) -> Self {
        let remembered = file.as_deref().map(file::read).unwrap_or_default();
        let known = BucketView::remembered(remembered.born, remembered.marks);
        let heard = Heard::remembered(remembered.seen, remembered.at);
        Self {
            link,
            clock,
            metrics,
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

    /// Whether this node's clock is off from most clocks, so that the node must not claim timers, take over claims, or sweep.
    pub fn is_clock_off(&self) -> bool {
        self.reference.is_off(self.clock)
    }

    /// Waits until this node's clock has been compared with others.
    pub async fn clock_compared(&self) {
        self.reference.looked().await;
    }

    /// The present instant; by most clocks, if this node's is off.
    fn now(&self) -> Timestamp {
        self.clock.shown(self.reference.world(self.clock))
    }

    /// When this node or one before it on its file was last in contact with the bucket, as a right clock shows it now.
    fn contact(&self) -> Option<Timestamp> {
        let now = self.now();
        let ago = |at: Duration| self.clock.scale().world_to_clock(self.began.elapsed().saturating_sub(at));
        self.heard(|heard| match heard.seen.contact() {
            Some(at) => Some(now.saturating_sub(ago(at))),
            // A clock that was ahead at that time must not make future timers count as late.
            None => heard.contact_before.map(|at| at.min(now)),
        })
    }

    /// Whether a broker or a backup brought this record back, as far as this node can tell.
    pub fn is_restored(&self, stored: &Stored) -> bool {
        self.read(|known| known.is_restored(stored.timer.id, &stored.timer.state, stored.revision))
    }

    /// Notes that this node changed the timer, with this revision.
    pub fn wrote(&self, timer: TimerId, revision: u64) {
        let now = self.began.elapsed();
        self.heard(|heard| heard.wrote(timer, revision, now));
    }

    /// The highest sequence seen in the bucket, by this process or by an earlier one with the same file; 0 if none was seen.
    pub fn seen(&self) -> u64 {
        self.heard(|heard| heard.seen.highest())
    }

    /// When the bucket was created, in nanoseconds since the epoch; 0 before the first comparison.
    pub fn bucket_born(&self) -> i128 {
        self.read(BucketView::born)
    }

    /// Stores the mark of a sweep for all nodes.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; this node still knows the mark.
    pub async fn keep(&self, mark: HighWater) -> Result<(), NatsError> {
        self.learn(Marks::of_sweep(mark), u64::MAX);
        self.tell().await
    }

    /// Stores this node's marks for all nodes, merged with theirs.
    async fn tell(&self) -> Result<(), NatsError> {
        for _ in 0..TELL_TRIES {
            let (json, revision) = read_mark(&self.link).await?;
            if let Some(marks) = form::from_json(&json) {
                self.learn(marks, u64::MAX);
            }
            let json = self.read(|known| form::to_json(known.born(), known.marks()));
            if put_mark(&self.link, json, revision).await? {
                break;
            }
        }
        Ok(())
    }

    /// Takes over marks of the bucket, cut so that none covers a record after this sequence.
    fn learn(&self, marks: Marks, last: u64) {
        self.write(|known| known.learn(marks, last));
    }

    fn heard<T>(&self, then: impl FnOnce(&mut Heard) -> T) -> T {
        then(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read<T>(&self, read: impl FnOnce(&BucketView) -> T) -> T {
        read(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut BucketView) -> T) -> T {
        write(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }
}
