//! The stored form of the ledger: one key next to the lease of the sweep.

use serde::{Deserialize, Serialize};

use super::keys;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::LEDGER_SUBJECT;
use rules::domain::state_kind::{PerKind, StateKind};
use rules::ledger::{Balance, Books};

const VERSION: u32 = 1;

/// The ledger as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// When the bucket was created that the ledger counts.
    pub bucket_born: i128,
    /// The books; `None` if they have to start over with a census.
    pub books: Option<Books>,
    /// The last balance, which all nodes show.
    pub balance: Option<Balance>,
    /// An imbalance that one census has shown and another has to confirm.
    pub suspected: Option<i64>,
    /// How often the books had to start over since acts were missing.
    pub breaks: u64,
}

#[derive(Deserialize, Serialize)]
struct LedgerJson {
    v: u32,
    bucket_born: String,
    /// Always 0: earlier versions kept the position in a stream of events here, and read from its beginning if it is 0.
    #[serde(default)]
    place: u64,
    books: Option<BooksJson>,
    balance: Option<BalanceJson>,
    suspected: Option<i64>,
    breaks: u64,
}

#[derive(Deserialize, Serialize)]
struct BooksJson {
    seq: u64,
    created: u64,
    open: u64,
    ended: u64,
    lost: i64,
    removed: u64,
}

#[derive(Deserialize, Serialize)]
struct BalanceJson {
    created: u64,
    counted: [u64; StateKind::ALL.len()],
    expired: u64,
    imbalance: i64,
}

impl From<&Ledger> for LedgerJson {
    fn from(ledger: &Ledger) -> Self {
        Self {
            v: VERSION,
            bucket_born: ledger.bucket_born.to_string(),
            place: 0,
            books: ledger.books.map(|Books { seq, created, open, ended, lost, removed }| BooksJson {
                seq,
                created,
                open,
                ended,
                lost,
                removed,
            }),
            balance: ledger.balance.map(|Balance { created, counted, expired, imbalance }| BalanceJson {
                created,
                counted: counted.0,
                expired,
                imbalance,
            }),
            suspected: ledger.suspected,
            breaks: ledger.breaks,
        }
    }
}

impl LedgerJson {
    fn ledger(self) -> Option<Ledger> {
        (self.v == VERSION).then_some(Ledger {
            bucket_born: self.bucket_born.parse().ok()?,
            books: self.books.map(|BooksJson { seq, created, open, ended, lost, removed }| Books {
                seq,
                created,
                open,
                ended,
                lost,
                removed,
            }),
            balance: self.balance.map(|BalanceJson { created, counted, expired, imbalance }| Balance {
                created,
                counted: PerKind(counted),
                expired,
                imbalance,
            }),
            suspected: self.suspected,
            breaks: self.breaks,
        })
    }
}

impl Ledger {
    /// The ledger with its revision.
    pub async fn read(link: &Link) -> Result<(Option<Self>, u64), NatsError> {
        let (json, revision) = keys::read(link, LEDGER_SUBJECT).await?;
        let ledger = serde_json::from_slice::<LedgerJson>(&json).ok().and_then(LedgerJson::ledger);
        Ok((ledger, revision))
    }

    /// Writes the ledger in place of this revision; `false` if another node was faster.
    ///
    /// # Errors
    ///
    /// With [`NatsError::Unclear`], the ledger may be written anyway: read it before it is written again.
    pub async fn put(&self, link: &Link, revision: u64) -> Result<bool, NatsError> {
        let json = serde_json::to_vec(&LedgerJson::from(self)).unwrap_or_default();
        Ok(keys::put(link, LEDGER_SUBJECT, json, revision).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let books = Books { seq: 9, created: 5, open: 2, ended: 3, lost: 0, removed: 1 };
        let balance = Balance { created: 5, counted: PerKind([1, 1, 0, 0, 0, 1]), expired: 1, imbalance: 1 };
        let ledger = Ledger {
            bucket_born: 1_700_000_000_000_000_001,
            books: Some(books),
            balance: Some(balance),
            suspected: Some(-1),
            breaks: 2,
        };
        let json = serde_json::to_string(&LedgerJson::from(&ledger)).unwrap();
        assert_eq!(
            json,
            r#"{"v":1,"bucket_born":"1700000000000000001","place":0,"books":{"seq":9,"created":5,"open":2,"ended":3,"lost":0,"removed":1},"balance":{"created":5,"counted":[1,1,0,0,0,1],"expired":1,"imbalance":1},"suspected":-1,"breaks":2}"#
        );
        assert_eq!(serde_json::from_str::<LedgerJson>(&json).unwrap().ledger(), Some(ledger));
    }
}
