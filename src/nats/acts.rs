//! What happened in the bucket, as the ledger adds it up: the events that the server has published, read by pages.

use serde::Deserialize;
use serde_json::json;

use super::batch::Got;
use super::names::{EVENTS, WAS, WAS_NOTHING, evented_timer};
use crate::ledger::{Act, Deed, Term};
use crate::nats::{Link, NatsError};

/// Events in a page.
const EVENTS_AT_ONCE: usize = 500;

/// Of events in a page, which have the whole record.
const PAGE_BYTES: usize = 4 * 1_024 * 1_024;

/// Acts in the order in which they were published.
pub struct ActPage {
    /// Them, each with its place in the stream of events.
    pub acts: Vec<(u64, Act)>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// As much of a record as is needed here.
#[derive(Deserialize)]
struct Sketch {
    state: SketchState,
}

#[derive(Deserialize)]
struct SketchState {
    name: String,
}

impl Link {
    /// The acts behind this place of the stream of events.
    ///
    /// # Errors
    ///
    /// A [`NatsError`].
    pub async fn acts(&self, after: u64) -> Result<ActPage, NatsError> {
        let request =
            json!({ "seq": after.saturating_add(1), "batch": EVENTS_AT_ONCE, "max_bytes": PAGE_BYTES });
        let batch = self.batch(EVENTS, &request).await?;
        let mut acts: Vec<(u64, Act)> =
            batch.messages.iter().map(|message| (message.sequence(), act(message))).collect();
        for (place, act) in &mut acts {
            if matches!(act.deed, Deed::Removed { .. }) && act.over > 0 {
                act.deed = Deed::Removed { was: self.removed(*place, act).await? };
            }
        }
        Ok(ActPage { more: batch.pending > 0 && !acts.is_empty(), acts })
    }

    /// What the timer was whose record this act has removed: the event of the version before says so, if it is still there.
    /// It is as many places before as there are changes between the two, since each change is an event.
    async fn removed(&self, place: u64, act: &Act) -> Result<Option<Term>, NatsError> {
        let Some(place) = place.checked_sub(act.seq - act.over).filter(|place| *place > 0) else {
            return Ok(None);
        };
        let batch = self.batch(EVENTS, &json!({ "seq": place, "batch": 1 })).await?;
        let before = batch.messages.iter().map(self::act).find(|before| before.seq == act.over);
        Ok(before.and_then(|before| match before.deed {
            Deed::Stored { is, .. } => Some(is),
            Deed::Removed { .. } | Deed::Other | Deed::Unsaid => None,
        }))
    }

    /// The last place in the stream of events.
    ///
    /// # Errors
    ///
    /// A [`NatsError`].
    pub async fn last_event(&self) -> Result<u64, NatsError> {
        self.last_of(EVENTS).await
    }
}

fn act(message: &Got) -> Act {
    let number = |name| message.first(name).and_then(|text| text.parse().ok()).unwrap_or_default();
    let over = number("Nats-Last-Sequence");
    let deed = if evented_timer(message.subject()).is_none() {
        Deed::Other
    } else if message.header("KV-Operation").is_some() {
        Deed::Removed { was: None }
    } else {
        stored(message, over)
    };
    Act { seq: number("Nats-Sequence"), over, deed }
}

fn stored(message: &Got, over: u64) -> Deed {
    let sketch = serde_json::from_slice::<Sketch>(message.payload()).ok();
    let Some(is) = sketch.and_then(|sketch| Term::of(&sketch.state.name)) else { return Deed::Unsaid };
    match message.header(WAS) {
        Some(WAS_NOTHING) => Deed::Stored { was: None, is },
        Some(was) => Term::of(was).map_or(Deed::Unsaid, |was| Deed::Stored { was: Some(was), is }),
        // Written by hand, and new: it is as good as created.
        None if over == 0 => Deed::Stored { was: None, is },
        None => Deed::Unsaid,
    }
}
