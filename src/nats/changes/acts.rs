//! Reads the acts that the ledger adds up: the events of the bucket that the server has published, by pages.

use async_nats::HeaderName;
use serde::Deserialize;
use serde_json::json;

use crate::nats::api::header::{KV_OPERATION, NATS_LAST_SEQUENCE, NATS_SEQUENCE};
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{EVENTS, WAS, WAS_NOTHING, evented_timer};
use crate::nats::requests::leader;
use crate::nats::requests::replica::{Batch, Got};
use rules::domain::state_kind::StateKind;
use rules::ledger::{Act, Deed};

/// The most events in a page. The server collects a page before it reads the connection's next request, which may be a claim.
const EVENTS_AT_ONCE: usize = 200;

/// Bytes of events in a page: each event has the whole record.
const PAGE_BYTES: usize = 4 * 1_024 * 1_024;

/// A page of acts, in the order in which the server published them.
pub struct ActPage {
    /// The acts, each with its sequence in the stream of events.
    pub acts: Vec<(u64, Act)>,
    /// Whether the stream has more acts after these.
    pub more: bool,
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

impl ActPage {
    /// Reads a page of the acts after this sequence of the stream of events.
    pub async fn read(link: &Link, after: u64) -> Result<Self, NatsError> {
        let request =
            json!({ "seq": after.saturating_add(1), "batch": EVENTS_AT_ONCE, "max_bytes": PAGE_BYTES });
        let batch = Batch::read(link, EVENTS, &request).await?;
        let mut acts: Vec<(u64, Act)> =
            batch.messages.iter().map(|message| (message.sequence(), act(message))).collect();
        for (place, act) in &mut acts {
            if matches!(act.deed, Deed::Removed { .. }) && act.over > 0 {
                act.deed = Deed::Removed { was: removed(link, *place, act).await? };
            }
        }
        Ok(Self { more: batch.pending > 0 && !acts.is_empty(), acts })
    }
}

/// The state of the timer whose record this act removed. The event of the previous version says so, if the stream still has it.
async fn removed(link: &Link, place: u64, act: &Act) -> Result<Option<StateKind>, NatsError> {
    let Some(place) = before(place, act) else { return Ok(None) };
    let batch = Batch::read(link, EVENTS, &json!({ "seq": place, "batch": 1 })).await?;
    let before = batch.messages.iter().map(self::act).find(|before| before.seq == act.over);
    Ok(before.and_then(|before| match before.deed {
        Deed::Stored { is, .. } => Some(is),
        Deed::Removed { .. } | Deed::Other | Deed::Unsaid => None,
    }))
}

/// The sequence of the event of the version that this act replaced, from that of the act's own event: it is as many sequences before as
/// there are changes between the two, since each change is an event. `None` if the act's numbers, which any publisher may forge, name no
/// event.
fn before(place: u64, act: &Act) -> Option<u64> {
    let changes = act.seq.checked_sub(act.over)?;
    place.checked_sub(changes).filter(|place| *place > 0)
}

/// The last sequence of the stream of events.
pub async fn last_event(link: &Link) -> Result<u64, NatsError> {
    Ok(leader::stream_info(link, EVENTS).await?.state.last_seq)
}

fn act(message: &Got) -> Act {
    let number =
        |name: HeaderName| message.first(name).and_then(|text| text.parse().ok()).unwrap_or_default();
    let over = number(NATS_LAST_SEQUENCE);
    let deed = if evented_timer(message.subject()).is_none() {
        Deed::Other
    } else if message.header(KV_OPERATION).is_some() {
        Deed::Removed { was: None }
    } else {
        stored(message, over)
    };
    Act { seq: number(NATS_SEQUENCE), over, deed }
}

fn stored(message: &Got, over: u64) -> Deed {
    let sketch = serde_json::from_slice::<Sketch>(message.payload()).ok();
    let Some(is) = sketch.and_then(|sketch| StateKind::from_name(&sketch.state.name)) else {
        return Deed::Unsaid;
    };
    match message.header(WAS) {
        Some(WAS_NOTHING) => Deed::Stored { was: None, is },
        Some(was) => {
            StateKind::from_name(was).map_or(Deed::Unsaid, |was| Deed::Stored { was: Some(was), is })
        }
        // The record was written by hand and is new: it counts as created.
        None if over == 0 => Deed::Stored { was: None, is },
        None => Deed::Unsaid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_of_the_replaced_version_is_found_unless_the_numbers_are_forged() {
        let at = |place, seq, over| before(place, &Act { seq, over, deed: Deed::Removed { was: None } });
        assert_eq!(at(107, 7, 5), Some(105));
        assert_eq!(at(2, 7, 5), None);
        assert_eq!(at(1, 7, 5), None);
        assert_eq!(at(107, 5, 7), None);
        assert_eq!(at(107, 0, u64::MAX), None);
    }
}
