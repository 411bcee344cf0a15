//! Keeps the ledger: adds up the acts before and after a sweep, has the sweep count the records, and compares both.
//!
//! The node that sweeps keeps it in one key. A node that dies has written the key or not; the next one continues from the stored
//! state.

use std::time::Duration;

use tokio::time::Instant;

use crate::nats::{ActReader, Ledger, Link, NatsError, Stored, last_change};
use crate::node::sweep::pace::Pace;
use rules::ledger::{Act, Balance, Books, Census};

/// How long a bucket may lag behind the sequence that the books have: a new leader may do so for a moment.
const BEHIND_WITHIN: Duration = Duration::from_secs(5);

/// The pause between two looks for late changes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How many changed records a sweep reads per second: more than nodes change for long, and not all that the node and the server could do
/// at once.
const RECORDS_RATE: u32 = 20_000;

/// The most changes that one sweep remembers, 24 bytes each. With more of them, the books start over.
const MAX_ACTS: usize = 4_000_000;

/// How often a sweep reads on for the acts of records that were replaced while it read, before it takes these acts for missing.
const READINGS: u32 = 5;

/// The ledger during one sweep.
pub(super) struct Accounts {
    link: Link,
    ledger: Ledger,
    revision: u64,
    census: Census,
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
            let seq = last_change(link).await?;
            ledger.books = ledger.books.map(|books| Books { seq, ..books });
            ledger.bucket_born = bucket_born;
        }
        if let Some(books) = ledger.books.take() {
            ledger.books = Self::added_up(link, books).await?;
            if ledger.books.is_none() {
                tracing::warn!(
                    after = books.seq,
                    "the ledger starts over: a record has left, or has changed too often, between two sweeps. A timer that was lost \
                     just then would not be noticed"
                );
                ledger.breaks = ledger.breaks.saturating_add(1);
            }
        }
        let upto = match ledger.books {
            Some(books) => books.seq,
            None => last_change(link).await?,
        };
        Ok(Self { link: link.clone(), ledger, revision, census: Census::at(upto) })
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

    /// The books with all acts until now; `None` if one is missing or contradicts them.
    async fn added_up(link: &Link, mut books: Books) -> Result<Option<Books>, NatsError> {
        let acts = acts_after(link, books.seq).await?;
        let whole = acts.is_some_and(|acts| acts.iter().all(|act| books.add(act).is_ok()));
        Ok(whole.then_some(books))
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
        // The acts must have no gap, so that no replaced record is overlooked.
        let Some(since) = acts_after(&self.link, upto).await? else {
            self.ledger.books = None;
            self.ledger.breaks = self.ledger.breaks.saturating_add(1);
            tracing::warn!(
                after = upto,
                "the ledger starts over: a record has left, or has changed too often, during the sweep"
            );
            return self.keep().await;
        };
        let census = std::mem::replace(&mut self.census, Census::at(upto));
        // A record was removed while records were counted, and its state is not known: the next sweep knows more.
        let Some(counted) = census.complete(&since) else { return self.keep().await };
        let mut books = match self.ledger.books {
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
            if books.removed > 0 {
                // The census says which of them were open. Otherwise one that is over could hide one that vanishes later.
                books = balance.begun(upto, counted);
            }
        } else {
            self.ledger.suspected = Some(balance.imbalance);
        }
        self.ledger.books = Some(books);
        self.keep().await
    }

    async fn keep(self) -> Result<Option<Balance>, NatsError> {
        let kept = self.ledger.put(&self.link, self.revision).await?;
        Ok(self.ledger.balance.filter(|_| kept))
    }
}

/// The acts after this change, at least until now; `None` if one is missing, or there are too many.
async fn acts_after(link: &Link, seq: u64) -> Result<Option<Vec<Act>>, NatsError> {
    let until = last_change(link).await?;
    let mut reader = ActReader::after(link, seq);
    let acts = read_acts(&mut reader, until).await;
    reader.close().await;
    acts
}

async fn read_acts(reader: &mut ActReader, until: u64) -> Result<Option<Vec<Act>>, NatsError> {
    let mut pace = Pace::new(Some(RECORDS_RATE));
    for _ in 0..READINGS {
        if let Some(acts) = reader.until(until) {
            return Ok(Some(acts.to_vec()));
        }
        loop {
            let read = reader.read_page().await?;
            if reader.held() > MAX_ACTS {
                return Ok(None);
            }
            if read == 0 {
                break;
            }
            pace.after(read).await;
        }
    }
    Ok(reader.until(until).map(<[Act]>::to_vec))
}
