//! The messages by which nodes tell each other about themselves. No stream keeps them.
//!
//! Core NATS: a node that is not connected misses a message, and nothing is sent again.

use async_nats::{Subject, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::troubles;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{BEAT_SUBJECTS, beat_subject};
use rules::domain::time::Timestamp;
use rules::presence::{Beat, Digest, Life, MAX_INSTALLATION_CHARS, Node, Role, Setup};
use rules::receivers::Trouble;

/// The version of the message. Fields may be added under the same version, since nodes of two versions count each other while one
/// version replaces the other.
const VERSION: u32 = 1;

/// The longest message that is read as a beat, in bytes.
const MAX_BEAT_BYTES: usize = 4_096;

/// The most characters of a name that are sent; as JSON, each takes at most six bytes.
const MAX_NAME_CHARS: usize = 256;

#[derive(Debug, Deserialize, Serialize)]
struct BeatJson {
    v: u32,
    instance: Uuid,
    name: String,
    role: String,
    version: String,
    state: String,
    clock_us: u64,
    /// Absent from a node of an older version, and from one that has seen no timer.
    #[serde(default, skip_serializing_if = "is_zero")]
    seen: u64,
    /// Absent from a node of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    setup: Option<SetupJson>,
}

#[derive(Debug, Deserialize, Serialize)]
struct SetupJson {
    rules: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access: Option<String>,
    #[serde(default)]
    dev: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    installation: Option<String>,
}

impl SetupJson {
    fn of(setup: &Setup) -> Self {
        Self {
            rules: setup.rules.to_string(),
            access: setup.access.as_ref().map(Digest::to_string),
            dev: setup.dev,
            installation: setup.installation.clone(),
        }
    }

    fn setup(self) -> Option<Setup> {
        Some(Setup {
            rules: Digest::read(&self.rules)?,
            access: self.access.and_then(|access| Digest::read(&access)),
            dev: self.dev,
            installation: self.installation.map(|name| name.chars().take(MAX_INSTALLATION_CHARS).collect()),
        })
    }
}

impl BeatJson {
    fn of(beat: &Beat) -> Self {
        Self {
            v: VERSION,
            instance: beat.node.instance,
            name: beat.node.name.chars().take(MAX_NAME_CHARS).collect(),
            role: beat.node.role.name().to_owned(),
            version: beat.node.version.clone(),
            state: beat.life.name().to_owned(),
            clock_us: beat.clock.as_micros(),
            seen: beat.seen,
            setup: beat.node.setup.as_ref().map(SetupJson::of),
        }
    }

    fn beat(self) -> Option<Beat> {
        let role = Role::EACH.into_iter().find(|role| role.name() == self.role)?;
        let life = Life::EACH.into_iter().find(|life| life.name() == self.state)?;
        let setup = self.setup.and_then(SetupJson::setup);
        let node = Node { instance: self.instance, name: self.name, version: self.version, role, setup };
        let clock = Timestamp::from_micros(self.clock_us);
        (self.v == VERSION).then_some(Beat { node, life, clock, seen: self.seen })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

pub(in crate::nats) fn read(payload: &[u8]) -> Option<Beat> {
    if payload.len() > MAX_BEAT_BYTES {
        return None;
    }
    serde_json::from_slice::<BeatJson>(payload).ok()?.beat()
}

/// A message of a node to all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A beat of the node.
    Beat(Beat),
    /// The receivers and flows for which the sending process has no room.
    Troubles(Uuid, Vec<Trouble>),
}

/// The messages of all nodes.
pub struct Beats {
    messages: Subscriber,
}

impl Beats {
    /// Listens to the messages of all nodes from now on, this one included.
    ///
    /// # Errors
    ///
    /// [`NatsError::NotDone`] if there is no connection for 2 s, or the client does not take the subscription.
    pub async fn listen(link: &Link) -> Result<Self, NatsError> {
        Ok(Self { messages: link.subscribe(BEAT_SUBJECTS.to_owned()).await? })
    }

    /// The next message; `None` once the connection was given up. Messages that cannot be read are passed over.
    pub async fn next(&mut self) -> Option<Said> {
        loop {
            let message = self.messages.next().await?;
            let troubles = || troubles::read(&message.payload).map(|(node, told)| Said::Troubles(node, told));
            match read(&message.payload).map(Said::Beat).or_else(troubles) {
                Some(said) => return Some(said),
                None => {
                    tracing::debug!(subject = %message.subject, "ignored a message that this version cannot read")
                }
            }
        }
    }
}

/// Sends a beat to all nodes, this one included; gives whether it was sent.
pub async fn say(link: &Link, beat: &Beat) -> bool {
    let Ok(json) = serde_json::to_vec(&BeatJson::of(beat)) else { return false };
    link.tell(Subject::from(beat_subject(beat.node.instance)), None, Bytes::from(json)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"{"v":1,"instance":"00000000-0000-0000-0000-000000000007","name":"a","role":"worker","version":"0.1.0","state":"stopping","clock_us":1700000000000001}"#;

    fn beat() -> Beat {
        let instance = Uuid::from_u128(7);
        let (name, version) = ("a".to_owned(), "0.1.0".to_owned());
        let node = Node { instance, name, version, role: Role::Worker, setup: None };
        Beat { node, life: Life::Stopping, clock: Timestamp::from_micros(1_700_000_000_000_001), seen: 0 }
    }

    #[test]
    fn what_a_node_says_is_what_others_of_this_version_read() {
        assert_eq!(serde_json::to_string(&BeatJson::of(&beat())).unwrap(), WRITTEN);
        assert_eq!(read(WRITTEN.as_bytes()), Some(beat()));
        let more = WRITTEN.replace("{\"v\":1", "{\"v\":1,\"new\":[]");
        assert_eq!(read(more.as_bytes()), Some(beat()));
    }

    #[test]
    fn how_a_node_is_set_up_and_what_it_has_seen_is_read_as_it_was_told() {
        let mut beat = Beat { seen: 9, ..beat() };
        let digest = |digit: &str| Digest::of(&digit.repeat(64));
        let mut setup = Setup { rules: digest("a"), access: None, dev: false, installation: None };
        for told in [
            r#","seen":9,"setup":{"rules":"aaaaaaaaaaaaaaaa","dev":false}}"#,
            r#","seen":9,"setup":{"rules":"aaaaaaaaaaaaaaaa","access":"bbbbbbbbbbbbbbbb","dev":true,"installation":"prod"}}"#,
        ] {
            beat.node.setup = Some(setup.clone());
            let written = format!("{}{told}", WRITTEN.trim_end_matches('}'));
            assert_eq!(serde_json::to_string(&BeatJson::of(&beat)).unwrap(), written);
            assert_eq!(read(written.as_bytes()), Some(beat.clone()));
            setup = Setup {
                access: Some(digest("b")),
                dev: true,
                installation: Some("prod".to_owned()),
                ..setup
            };
        }
        // A beat with a setup of another form is read without it.
        let other = format!("{}{}", WRITTEN.trim_end_matches('}'), r#","setup":{"rules":"sha3"}}"#);
        assert_eq!(read(other.as_bytes()), Some(self::beat()));
    }

    #[test]
    fn messages_of_other_programs_are_passed_over() {
        for (from, to) in
            [("\"v\":1", "\"v\":2"), ("worker", "boss"), ("stopping", "late"), ("1700", "-1700")]
        {
            assert_eq!(read(WRITTEN.replace(from, to).as_bytes()), None, "{to}");
        }
        let long = WRITTEN.replace("\"a\"", &format!("\"{}\"", "a".repeat(MAX_BEAT_BYTES)));
        assert_eq!(read(long.as_bytes()), None);
        assert_eq!(read(b"hello"), None);
    }

    #[test]
    fn the_longest_name_fits() {
        let mut beat = beat();
        beat.node.name = "\u{1}".repeat(10_000);
        let json = serde_json::to_vec(&BeatJson::of(&beat)).unwrap();
        assert_eq!(read(&json).unwrap().node.name.len(), MAX_NAME_CHARS);
    }
}
