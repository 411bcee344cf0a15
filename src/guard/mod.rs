//! The guard against restored records: what this node knows about the bucket that a broker with older data would not say.
//!
//! It keeps the high-water mark that sweeps leave in NATS and a copy of it in a file of the node, and it notices at each
//! new connection that the bucket has gone back. `domain::high_water` has the rule; the engine and the sweep ask before
//! they act on a record.
//!
//! **Invariant:** no record is claimed, changed or repaired on the word of a broker whose bucket this node has not
//! compared with what it knew before.

mod file;
mod form;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::high_water::HighWater;
use crate::domain::seen::{Back, Seen};
use crate::domain::time::Timestamp;
use crate::domain::timer::TimerId;
use crate::nats::{BucketState, Link, NatsError, Stored};
use file::Remembered;

/// The name of the file in which a node remembers, in the directory of its journal.
pub const FILE: &str = "high-water.json";

/// How often a node notes that it is in contact with NATS.
const CONTACT_EVERY: Duration = Duration::from_millis(200);

/// After how many of these it reads the mark that the sweeper keeps, and writes its file: every 3 s.
const REFRESH_AFTER: u32 = 15;

/// A bucket that seems to have gone back is looked at this often before that is believed, with a pause after each look:
/// a new leader may be a moment behind.
const BACK_LOOKS: u32 = 5;
const BACK_PAUSE: Duration = Duration::from_millis(300);

/// A bucket that was restored is taken to have fired what was due up to so long after this node's last contact with the newer data. Another
/// node may have heard from it a moment longer, or have a clock that is ahead.
const LONGER_CONTACT: Duration = Duration::from_secs(1);

/// The last writes of this node that are remembered, to know which timers a broker that lacks its last writes is wrong about.
const RECENT: usize = 4_096;

/// What this node knows about the bucket. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    link: Link,
    clock: Clock,
    file: Option<Arc<PathBuf>>,
    known: Arc<RwLock<Known>>,
    /// What this node has seen of the bucket's sequence, by its own clock, and its own last writes.
    heard: Arc<Mutex<Heard>>,
    /// The connection on which the bucket was compared with what was known; 0 for none.
    compared: Arc<AtomicU64>,
    /// One comparison at a time.
    comparing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Heard {
    seen: Seen,
    recent: VecDeque<(TimerId, u64)>,
}

impl Heard {
    /// What it means if the bucket's last sequence is this one.
    fn judge(&self, last: u64) -> Back {
        let lacks_unknown =
            self.recent.len() >= RECENT && self.recent.front().is_some_and(|(_, first)| *first > last);
        match self.seen.judge(last) {
            // It cannot be told any more which timers these were.
            Back::Tail if lacks_unknown => Back::Restored,
            back @ (Back::No | Back::Tail | Back::Restored) => back,
        }
    }
}

#[derive(Default)]
struct Known {
    /// When the bucket was created; 0 before it was looked at.
    born: i128,
    /// The newest mark: of a sweep, or of a node that found that the bucket had gone back.
    swept: Option<HighWater>,
    /// Timers of which the bucket lost a write that this node made, with its last sequence then.
    lost: HashMap<TimerId, u64>,
}

impl Known {
    fn is_restored(&self, stored: &Stored) -> bool {
        let state = &stored.timer.state;
        let lost = self.lost.get(&stored.timer.id).is_some_and(|last| stored.revision <= *last);
        lost && !state.is_final() || self.mark().is_some_and(|mark| mark.is_restored(state, stored.revision))
    }

    /// The mark of this bucket.
    fn mark(&self) -> Option<&HighWater> {
        self.swept.as_ref().filter(|mark| mark.bucket_born == self.born)
    }

    fn learn(&mut self, mark: HighWater) {
        let newer = |known: &HighWater| known.bucket_born != mark.bucket_born || known.upto <= mark.upto;
        if self.swept.as_ref().is_none_or(newer) {
            self.swept = Some(mark);
        }
    }
}

impl Guard {
    /// A guard that remembers in this file, if there is one.
    pub fn new(link: Link, clock: Clock, file: Option<PathBuf>) -> Self {
        let remembered = file.as_deref().map(file::read).unwrap_or_default();
        let known = Known { born: remembered.born, swept: remembered.mark, lost: HashMap::new() };
        let seen = remembered.at.map_or_else(Seen::default, |at| Seen::remembered(remembered.seen, at));
        Self {
            link,
            clock,
            file: file.map(Arc::new),
            known: Arc::new(RwLock::new(known)),
            heard: Arc::new(Mutex::new(Heard { seen, recent: VecDeque::new() })),
            compared: Arc::default(),
            comparing: Arc::default(),
        }
    }

    /// Compares the bucket with what was known, if that was not done on this connection.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; nothing must be done about records until it is compared.
    pub async fn compare(&self) -> Result<(), NatsError> {
        if self.is_compared() {
            return Ok(());
        }
        let _one = self.comparing.lock().await;
        let connection = self.link.connection_number();
        if self.is_compared() {
            return Ok(());
        }
        let mut bucket = self.link.bucket_state().await?;
        for _ in 1..BACK_LOOKS {
            if self.has_gone_back(bucket) == Back::No {
                break;
            }
            tokio::time::sleep(BACK_PAUSE).await;
            bucket = self.link.bucket_state().await?;
        }
        let mark = form::from_json(&self.link.mark().await?.0);
        let back = self.has_gone_back(bucket);
        self.note(bucket, back, mark);
        // Other nodes may have heard less before, or may have been started since.
        if back == Back::Restored
            && let Some(mark) = self.read(|known| known.mark().cloned())
            && let Err(error) = self.keep(mark).await
        {
            tracing::warn!(%error, "other nodes cannot be told that the bucket has gone back");
        }
        self.compared.store(connection, Ordering::Release);
        Ok(())
    }

    fn is_compared(&self) -> bool {
        self.compared.load(Ordering::Acquire) == self.link.connection_number()
    }

    fn has_gone_back(&self, bucket: BucketState) -> Back {
        let born = self.read(|known| known.born);
        if born == bucket.born { self.heard(|heard| heard.judge(bucket.last)) } else { Back::No }
    }

    fn note(&self, bucket: BucketState, back: Back, mark: Option<HighWater>) {
        let (was, upto) =
            self.heard(|heard| (heard.seen.highest(), heard.seen.contact().saturating_add(LONGER_CONTACT)));
        self.write(|known| {
            match back {
                Back::No => {}
                Back::Tail => {
                    let lost = self.lost_after(bucket.last);
                    tracing::warn!(was, is = bucket.last, timers = lost.len(), "NATS lost its last writes");
                    known.lost.extend(lost.into_iter().map(|id| (id, bucket.last)));
                }
                Back::Restored => {
                    let open = known.swept.as_ref().map(|mark| mark.open.clone()).unwrap_or_default();
                    known.learn(HighWater { bucket_born: bucket.born, upto, seq: was, open });
                    tracing::error!(
                        was,
                        is = bucket.last,
                        "the bucket of timers has gone back: NATS lost writes, or its data was restored from a backup. Timers that \
                         were due before become unknown and are not called; see docs/reliability.md, \"Restored data\""
                    );
                }
            }
            known.born = bucket.born;
            if let Some(mark) = mark {
                known.learn(mark);
            }
        });
        self.heard(|heard| match back {
            Back::No => {}
            Back::Tail | Back::Restored => heard.seen.go_back(bucket.last),
        });
    }

    /// Whether this record was brought back by a broker or a backup, as far as this node can tell.
    pub fn is_restored(&self, stored: &Stored) -> bool {
        self.read(|known| known.is_restored(stored))
    }

    /// Notes that this node changed the timer, under this revision and at this instant by its clock.
    pub fn wrote(&self, timer: TimerId, revision: u64, at: Timestamp) {
        self.heard(|heard| {
            heard.seen.note(revision, at);
            if heard.recent.len() >= RECENT {
                heard.recent.pop_front();
            }
            heard.recent.push_back((timer, revision));
        });
    }

    /// The timers that this node wrote after this sequence.
    fn lost_after(&self, last: u64) -> Vec<TimerId> {
        self.heard(|heard| {
            heard.recent.iter().filter(|(_, revision)| *revision > last).map(|(timer, _)| *timer).collect()
        })
    }

    /// When the bucket was created: nanoseconds since the epoch. 0 before it was compared.
    pub fn bucket_born(&self) -> i128 {
        self.read(|known| known.born)
    }

    /// Stores the mark of a sweep for all nodes.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; this node knows the mark all the same.
    pub async fn keep(&self, mark: HighWater) -> Result<(), NatsError> {
        let json = form::to_json(&mark);
        self.write(|known| known.learn(mark));
        let (_, revision) = self.link.mark().await?;
        // Another sweeper's mark is as good.
        self.link.put_mark(json, revision).await.map(|_| ())
    }

    /// Follows the mark and remembers it until `stop`.
    pub async fn follow(self, stop: CancellationToken) {
        let (mut said, mut ticks, mut was_up) = (false, 0, false);
        loop {
            if ticks == 0 {
                ticks = REFRESH_AFTER;
                if let Err(error) = self.refresh().await {
                    tracing::debug!(%error, "the high-water mark cannot be read");
                }
                if let Err(error) = self.remember().await
                    && !said
                {
                    said = true;
                    let path = self.file.as_deref().map(|path| path.display().to_string());
                    tracing::warn!(
                        %error,
                        path,
                        "this node cannot remember the high-water mark of its timers in a file: name a directory that it may \
                         write to with --journal-dir"
                    );
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(CONTACT_EVERY) => {}
            }
            ticks -= 1;
            // A connection that was not compared may be to a server with older data.
            let is_up = self.link.is_up() && self.is_compared();
            // It was up until some instant before the first look that finds it down.
            if is_up || was_up {
                self.heard(|heard| heard.seen.note(0, self.clock.now()));
            }
            was_up = is_up;
        }
    }

    async fn refresh(&self) -> Result<(), NatsError> {
        self.compare().await?;
        let connection = self.link.connection_number();
        let asked_at = self.clock.now();
        let bucket = self.link.bucket_state().await?;
        let mark = form::from_json(&self.link.mark().await?.0);
        // On another connection it has to be compared, and one that is behind here is a replica that leads since a moment.
        if connection == self.link.connection_number() && self.has_gone_back(bucket) == Back::No {
            self.heard(|heard| heard.seen.note(bucket.last, asked_at));
            if let Some(mark) = mark {
                self.write(|known| known.learn(mark));
            }
        }
        Ok(())
    }

    async fn remember(&self) -> std::io::Result<()> {
        let Some(path) = self.file.clone() else { return Ok(()) };
        // A broker that is killed with this node may lack what has not settled.
        let (seen, at) = self.heard(|heard| (heard.seen.settled(), Some(heard.seen.contact())));
        let remembered =
            self.read(|known| Remembered { mark: known.swept.clone(), born: known.born, seen, at });
        let written = tokio::task::spawn_blocking(move || file::write(&path, &remembered)).await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error)))
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
