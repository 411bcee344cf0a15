//! The place where a page ended, as text that a client hands back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use uuid::Uuid;

use super::{Filter, Sort};
use crate::domain::time::Timestamp;
use crate::domain::timer::TimerId;

/// The last place that a page has looked at. The next page begins after it. So timers that are created or changed in between
/// neither repeat nor skip a timer that has not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The instant that the list is ordered by.
    pub(super) at: Timestamp,
    pub(super) id: TimerId,
    /// The list that the cursor belongs to.
    list: Uuid,
}

/// The name space of lists (RFC 9562, 5.5): drawn once.
const LISTS: Uuid = Uuid::from_u128(0x1d3f_0c86_62c4_4a55_9a11_5d2b_7e04_c3f8);

fn list(filter: &Filter, sort: Sort) -> Uuid {
    Uuid::new_v5(&LISTS, format!("{filter:?} {sort:?}").as_bytes())
}

impl Cursor {
    pub(super) fn new(at: Timestamp, id: TimerId, filter: &Filter, sort: Sort) -> Self {
        Self { at, id, list: list(filter, sort) }
    }

    /// Whether the cursor ended a page of this list.
    pub fn belongs_to(&self, filter: &Filter, sort: Sort) -> bool {
        self.list == list(filter, sort)
    }

    /// The cursor as text that is safe in a URL.
    pub fn encode(&self) -> String {
        let mut bytes = [0; 40];
        bytes[..8].copy_from_slice(&self.at.as_micros().to_be_bytes());
        bytes[8..24].copy_from_slice(self.id.as_bytes());
        bytes[24..].copy_from_slice(self.list.as_bytes());
        BASE64.encode(bytes)
    }

    /// Reads the text of a cursor; `None` if it is not one.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes: [u8; 40] = BASE64.decode(text).ok()?.try_into().ok()?;
        let (at, rest) = bytes.split_first_chunk::<8>()?;
        let (id, list) = rest.split_first_chunk::<16>()?;
        Some(Self {
            at: Timestamp::from_micros(u64::from_be_bytes(*at)),
            id: Uuid::from_bytes(*id),
            list: Uuid::from_slice(list).ok()?,
        })
    }
}
