//! Messages by which nodes tell each other of receivers and flows without room. They go to the subject of beats; an older node does
//! not know them and passes them over.

use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::nats::connection::link::Link;
use crate::nats::names::beat_subject;
use rules::receivers::{Reason, Trouble, Whose};

/// The version of the message.
const VERSION: u32 = 1;

/// The most troubles that a node sends.
pub const MAX_TROUBLES: usize = 64;

/// The longest message that is read, in bytes: names of hosts have up to 253 characters, keys of flows up to 128.
pub(in crate::nats) const MAX_BYTES: usize = 65_536;

/// The most characters of a name; as JSON, each takes at most six bytes.
const MAX_NAME_CHARS: usize = 300;

#[derive(Debug, Deserialize, Serialize)]
struct SaidJson {
    v: u32,
    instance: Uuid,
    waits: Vec<WaitJson>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct WaitJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receiver: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flow: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shape: Option<u64>,
    reason: String,
    lasts_ms: u64,
    postponed: u64,
}

impl WaitJson {
    fn of(trouble: &Trouble) -> Option<Self> {
        let named = match trouble.whose.clone() {
            Whose::Receiver(name) => Self { receiver: Some(name), ..Self::default() },
            Whose::Path(name, path) => Self { receiver: Some(name), path: Some(path), ..Self::default() },
            Whose::Shape(name, shape) => Self { receiver: Some(name), shape: Some(shape), ..Self::default() },
            Whose::Flow(key) => Self { flow: Some(key), ..Self::default() },
        };
        let name = named.receiver.as_ref().or(named.flow.as_ref());
        let fits = name.is_some_and(|name| name.chars().count() <= MAX_NAME_CHARS);
        let lasts_ms = u64::try_from(trouble.lasts.as_millis()).unwrap_or(u64::MAX);
        let reason = trouble.reason.name().to_owned();
        fits.then_some(Self { reason, lasts_ms, postponed: trouble.postponed, ..named })
    }

    fn trouble(self) -> Option<Trouble> {
        let whose = match (self.receiver, self.flow, self.path, self.shape) {
            (Some(name), None, None, None) => Whose::Receiver(name),
            (Some(name), None, Some(path), None) => Whose::Path(name, path),
            (Some(name), None, None, Some(shape)) => Whose::Shape(name, shape),
            (None, Some(key), None, None) => Whose::Flow(key),
            _ => return None,
        };
        // A reason that only a later version has is passed over.
        let reason = Reason::EACH.into_iter().find(|reason| reason.name() == self.reason)?;
        let lasts = Duration::from_millis(self.lasts_ms);
        Some(Trouble { whose, reason, lasts, postponed: self.postponed })
    }
}

fn written(instance: Uuid, troubles: &[Trouble]) -> Option<Bytes> {
    let waits = troubles.iter().take(MAX_TROUBLES).filter_map(WaitJson::of).collect();
    let mut said = SaidJson { v: VERSION, instance, waits };
    loop {
        let json = serde_json::to_vec(&said).ok()?;
        if json.len() <= MAX_BYTES {
            return Some(json.into());
        }
        // The last ones have postponed the fewest timers.
        said.waits.truncate(said.waits.len() / 2);
    }
}

/// The node and its troubles; `None` for another kind of message.
pub(in crate::nats) fn read(payload: &[u8]) -> Option<(Uuid, Vec<Trouble>)> {
    if payload.len() > MAX_BYTES {
        return None;
    }
    let said = serde_json::from_slice::<SaidJson>(payload).ok().filter(|said| said.v == VERSION)?;
    let troubles = said.waits.into_iter().take(MAX_TROUBLES).filter_map(WaitJson::trouble);
    Some((said.instance, troubles.collect()))
}

/// Tells all nodes of the first [`MAX_TROUBLES`] of these.
pub async fn say_troubles(link: &Link, instance: Uuid, troubles: &[Trouble]) {
    if let Some(json) = written(instance, troubles) {
        // A lost message is followed by another a second later.
        let _ = link.tell(Subject::from(beat_subject(instance)), None, json).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(whose: Whose) -> Trouble {
        Trouble { whose, reason: Reason::Breaker, lasts: Duration::from_millis(4_999), postponed: 7 }
    }

    #[test]
    fn what_a_node_says_is_what_others_read() {
        let name = || "example.com:443".to_owned();
        let all = [
            Whose::Receiver(name()),
            Whose::Path(name(), u64::MAX),
            Whose::Shape(name(), 1),
            Whose::Flow("customer-1".to_owned()),
        ]
        .map(trouble);
        let instance = Uuid::from_u128(7);
        assert_eq!(read(&written(instance, &all).unwrap()), Some((instance, all.to_vec())));
        assert_eq!(read(&written(instance, &[]).unwrap()), Some((instance, vec![])));
    }

    #[test]
    fn a_message_of_troubles_is_bounded_and_those_of_other_programs_are_passed_over() {
        let all: Vec<Trouble> =
            (0..1_000).map(|n| trouble(Whose::Flow(format!("{n}{}", "\u{1}".repeat(290))))).collect();
        let json = written(Uuid::nil(), &all).unwrap();
        assert!(json.len() <= MAX_BYTES);
        let read_back = read(&json).unwrap().1;
        assert!(!read_back.is_empty() && read_back == all[..read_back.len()]);
        assert_eq!(
            written(Uuid::nil(), &[trouble(Whose::Flow("x".repeat(9_999)))]).map(|json| json.len() < 99),
            Some(true)
        );
        for other in
            [&b"hello"[..], br#"{"v":2,"instance":"00000000-0000-0000-0000-000000000007","waits":[]}"#]
        {
            assert_eq!(read(other), None);
        }
        let later = br#"{"v":1,"instance":"00000000-0000-0000-0000-000000000007","waits":[{"flow":"a","reason":"moon","lasts_ms":1,"postponed":1}],"new":1}"#;
        assert_eq!(read(later), Some((Uuid::from_u128(7), vec![])));
    }
}
