//! Reads the acts that the ledger adds up, from the records that have changed: each names its earlier versions.

use serde::Deserialize;

use crate::nats::api::header::KV_OPERATION;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BUCKET_STREAM, recorded_timer};
use crate::nats::requests::pages::Pages;
use crate::nats::requests::tail::Seen;
use crate::nats::timers::versions;
use rules::domain::state_kind::StateKind;
use rules::ledger::{Act, Acts, Deed};

/// The most records in a page, and bytes of them.
const RECORDS: usize = 256;
const PAGE_BYTES: usize = 4 * 1_024 * 1_024;

/// Reads the acts after a change of the bucket.
pub struct ActReader {
    link: Link,
    acts: Acts,
    /// The sequence up to which records were read.
    read: u64,
    pages: Option<Pages>,
}

/// The part of a record that the ledger needs.
#[derive(Deserialize)]
struct Sketch {
    state: SketchState,
}

#[derive(Deserialize)]
struct SketchState {
    name: String,
}

impl ActReader {
    /// Begins after this change.
    pub fn after(link: &Link, seq: u64) -> Self {
        Self { link: link.clone(), acts: Acts::after(seq), read: seq, pages: None }
    }

    /// Reads a page of the records that have changed; gives how many. After 0, the next call reads on with those that have changed
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if the bucket cannot be read.
    pub async fn read_page(&mut self) -> Result<usize, NatsError> {
        let mut pages = match self.pages.take() {
            Some(pages) => pages,
            None => Pages::open(&self.link, BUCKET_STREAM, self.read.saturating_add(1)).await?,
        };
        let page = pages.next(RECORDS, PAGE_BYTES).await?;
        let Some(last) = page.last() else {
            pages.close().await;
            return Ok(0);
        };
        self.read = last.sequence;
        self.pages = Some(pages);
        page.iter().flat_map(acts).for_each(|act| self.acts.add(act));
        Ok(page.len())
    }

    /// All acts up to this change, and maybe later ones; `None` as long as one is missing.
    pub fn until(&mut self, seq: u64) -> Option<&[Act]> {
        self.acts.until(seq)
    }

    /// How many acts are held.
    pub fn held(&self) -> usize {
        self.acts.held()
    }

    /// Ends the reading.
    pub async fn close(self) {
        if let Some(pages) = self.pages {
            pages.close().await;
        }
    }
}

/// The acts that a message of the bucket tells of.
fn acts(seen: &Seen) -> Vec<Act> {
    let one = |over, deed| vec![Act { seq: seen.sequence, over, deed }];
    if recorded_timer(&seen.subject).is_none() {
        return one(0, Deed::Other);
    }
    if seen.header(KV_OPERATION).is_some() {
        // Nothing says which version it replaced, if any: as good as a version that no census has counted.
        return one(u64::MAX, Deed::Removed { was: None });
    }
    let sketch = serde_json::from_slice::<Sketch>(&seen.payload).ok();
    match sketch.and_then(|sketch| StateKind::from_name(&sketch.state.name)) {
        Some(state) => versions::past_of(seen).acts(seen.sequence, state).collect(),
        None => one(0, Deed::Unsaid),
    }
}
