//! Keeps the ledger: adds up the acts before and after a sweep, has the sweep count the records, and compares both.
//!
//! The node that sweeps keeps it in one key. A node that dies has written the key or not; the next one continues from the stored
//! state.

use std::time::Duration;

use tokio::time::Instant;

use crate::nats::{ActPage, Ledger, Link, NatsError, Stored, last_change, last_event};
use crate::node::sweep::pace::Pace;
use rules::ledger::{Act, Balance, Books, Census};

/// How long the events of changes may lag behind the changes: the server publishes them without being asked to wait.
const EVENTS_WITHIN: Duration = Duration::from_secs(10);

/// How long a bucket may lag behind the sequence that the books have: a new leader may do so for a moment.
const BEHIND_WITHIN: Duration = Duration::from_secs(5);

/// The pause between two looks for late events or changes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How many acts a sweep reads per second: more than nodes make for long, and not all that the node and the server could do at once.
const ACTS_RATE: u32 = 20_000;

/// The most changes that one sweep remembers, 24 bytes each. With more of them the sweep counts nothing.
const MAX_ACTS: usize = 4_000_000;

/// The ledger during one sweep.
pub(super) struct Accounts {
    link: Link,
    ledger: Ledger,
    revision: u64,
    census: Census,
    /// The position in the stream of events after which the events since the census come.
    place: u64,
}

impl Accounts {
    /// Opens the ledger for a sweep of the bucket that was created at this time.
    pub(super) async fn open(link: &Link, bucket_born: i128) -> Result<Self, NatsError> {
        let (kept, revision) = Ledger::read(link).await?;
        let mut ledger = kept.unwrap_or_else(|| Ledger { bucket_born, ..Ledger::default() });
        let seq = ledger.books.map_or(0, |books| books.seq);
        if ledger.bucket_born != bucket_born || Self::is_older(link, seq).await? {
            // The books are of another bucket, or the bucket is older than the books. The books stay, so records that
            // it lacks are missing.
            ledger.place = last_event(link).await?;
            let seq = last_change(link).await?;
            ledger.books = ledger.books.map(|books| Books { seq, ..books });
            ledger.bucket_born = bucket_born;
        }
        let mut place = ledger.place;
        if let Some(mut books) = ledger.books.take() {
            let mut whole = true;
            // Not further, however fast events come: the rest is read once the records are counted.
            let until = last_event(link).await?;
            let mut pace = Pace::new(Some(ACTS_RATE));
            loop {
                let page = ActPage::read(link, place).await?;
                for (at, act) in &page.acts {
                    whole &= books.add(act).is_ok();
                    place = *at;
                }
                if !page.more || !whole || place >= until {
                    break;
                }
                pace.after(page.acts.len()).await;
            }
            if whole {
                ledger.books = Some(books);
            } else {
                tracing::warn!(
                    at = books.next(),
                    "the ledger starts over: an event of the bucket is missing, as after a crash of NATS or while events \
                     were full. A timer that was lost just then would not be noticed"
                );
                ledger.breaks = ledger.breaks.saturating_add(1);
            }
        }
        let upto = match ledger.books {
            Some(books) => books.seq,
            None => {
                // In this order: events of changes that the census includes may come later, and are skipped.
                place = last_event(link).await?;
                last_change(link).await?
            }
        };
        Ok(Self { link: link.clone(), ledger, revision, census: Census::at(upto), place })
    }

    /// Whether the bucket stays behind the books: it was restored from a backup.
    async fn is_older(link: &Link, seq: u64) -> Result<bool, NatsError> {
        let deadline = Instant::now() + BEHIND_WITHIN;
        while last_change(link).await? < seq {
            if Instant::now() >= deadline {
                return Ok(true);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(false)
    }

    /// Counts the records of a page.
    pub(super) fn count(&mut self, records: &[Stored]) {
        for stored in records {
            self.census.count(stored.revision, stored.timer.state.kind());
        }
    }

    /// Compares the books with the census once every record was counted, and stores the result. Gives the balance to be
    /// believed.
    pub(super) async fn close(mut self) -> Result<Option<Balance>, NatsError> {
        let upto = self.census.upto();
        let since = self.acts_until(last_change(&self.link).await?).await?;
        let Some(since) = since else {
            self.ledger.books = None;
            self.ledger.breaks = self.ledger.breaks.saturating_add(1);
            tracing::warn!("the ledger starts over: NATS sends no events of the bucket");
            return self.keep().await;
        };
        let census = std::mem::replace(&mut self.census, Census::at(upto));
        // A record was removed while records were counted, and its state is not known: the next sweep knows more.
        let Some(counted) = census.complete(&since) else { return self.keep().await };
        let books = match self.ledger.books {
            Some(books) => books,
            None => self.ledger.balance.unwrap_or_default().begun(upto, counted),
        };
        let balance = Balance::of(&books, counted);
        let believed = self.ledger.balance.map_or(0, |balance| balance.imbalance);
        if balance.imbalance == believed || self.ledger.suspected == Some(balance.imbalance) {
            if balance.imbalance != believed {
                tracing::error!(
                    imbalance = balance.imbalance,
                    created = balance.created,
                    "the ledger does not balance: timers that were created are missing. Were records removed by hand, or the \
                     bucket purged? See docs/metrics.md"
                );
            }
            self.ledger.balance = Some(balance);
            self.ledger.suspected = None;
        } else {
            self.ledger.suspected = Some(balance.imbalance);
        }
        self.ledger.books = Some(books);
        self.ledger.place = self.place;
        self.keep().await
    }

    /// The acts since the census, at least until this change; `None` if they do not come.
    async fn acts_until(&self, last: u64) -> Result<Option<Vec<Act>>, NatsError> {
        let upto = self.census.upto();
        let deadline = Instant::now() + EVENTS_WITHIN;
        let (mut place, mut acts) = (self.place, Vec::new());
        let mut pace = Pace::new(Some(ACTS_RATE));
        // The acts must have no gap, so that no replaced record is overlooked.
        let mut next = upto.saturating_add(1);
        loop {
            let page = ActPage::read(&self.link, place).await?;
            pace.after(page.acts.len()).await;
            for (at, act) in page.acts {
                place = at;
                if act.seq > upto {
                    if act.seq != next || acts.len() >= MAX_ACTS {
                        return Ok(None);
                    }
                    next = next.saturating_add(1);
                    acts.push(act);
                }
            }
            if next > last {
                return Ok(Some(acts));
            }
            if !page.more {
                if Instant::now() >= deadline {
                    return Ok(None);
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }

    async fn keep(self) -> Result<Option<Balance>, NatsError> {
        let kept = self.ledger.put(&self.link, self.revision).await?;
        Ok(self.ledger.balance.filter(|_| kept))
    }
}
