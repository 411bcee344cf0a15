//! One line as an item of a request: a creation with an idempotency key made of the line's content.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use serde_json::value::{RawValue, to_raw_value};

use crate::commands::options::Overdue;
use crate::foundation::clock::Clock;
use crate::foundation::crypto::sha256_hex;
use crate::foundation::{duration, repeated, rfc3339};

/// Distinguishes lines by their content.
pub(super) type Digest = String;

/// How many characters of a digest are kept: 128 bits, as in a UUID.
const DIGEST_CHARS: usize = 32;

const KEY: &str = "idempotency_key";

const OWNER: &str = "created_by";

/// Makes idempotency keys of the import's name and a line's content.
pub(super) struct Keys {
    run: String,
}

impl Keys {
    /// Makes the keys of an import with this name.
    pub(super) fn new(run: &str) -> Self {
        Self { run: run.to_owned() }
    }

    fn digest(&self, line: &[u8]) -> Digest {
        // A JSON text contains no NUL byte, so name and line cannot run together.
        let mut all = self.run.as_bytes().to_vec();
        all.push(0);
        all.extend_from_slice(line);
        let mut digest = sha256_hex(&all);
        digest.truncate(DIGEST_CHARS);
        digest
    }
}

/// A line that may be a timer.
pub(super) struct Item {
    pub(super) line: u64,
    /// The JSON that is sent.
    pub(super) json: String,
    /// Whether its key is made of the line's content.
    pub(super) has_made_key: bool,
    /// Whether its owner was left out.
    pub(super) is_disowned: bool,
}

/// How lines are turned into timers.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    /// What to do with a line whose instant has passed.
    pub(super) overdue: Overdue,
    /// Whether the owner is left out.
    pub(super) own: bool,
}

impl Item {
    /// Reads a line. The error says why it cannot be a timer, if that can be seen without a node.
    pub(super) fn read(
        line: u64,
        text: &[u8],
        keys: &Keys,
        seen: &mut HashMap<Digest, u32>,
        Reading { overdue, own }: Reading,
    ) -> Result<Self, String> {
        let text = text.trim_ascii();
        let mut fields: BTreeMap<String, &RawValue> =
            serde_json::from_slice(text).map_err(|error| format!("is not a JSON object: {error}"))?;
        // The line is written again below with only one of the fields, so the node could not notice.
        if let Some(pointer) = repeated::fields(text, Some("body")).first() {
            return Err(format!("{pointer} is given more than once: leave one"));
        }
        let at = check_time(&fields)?;
        if !fields.contains_key("url") {
            return Err("has no url".to_owned());
        }
        let now = to_raw_value("0s").map_err(|error| error.to_string())?;
        if overdue == Overdue::Fire && at.is_some_and(|at| at < Clock::OF_THE_WORLD.now()) {
            fields.remove("at");
            fields.insert("delay".to_owned(), &now);
        }
        let is_disowned = own && fields.remove(OWNER).is_some();
        // A line may have a key of its own.
        let key = if fields.contains_key(KEY) {
            None
        } else {
            Some(to_raw_value(&next_key(keys.digest(text), seen)))
        };
        let key = key.transpose().map_err(|error| error.to_string())?;
        if let Some(key) = &key {
            fields.insert(KEY.to_owned(), key);
        }
        // A raw value has line breaks only between its tokens, where any whitespace is allowed.
        let json =
            serde_json::to_string(&fields).map_err(|error| error.to_string())?.replace(['\n', '\r'], " ");
        Ok(Self { line, json, has_made_key: key.is_some(), is_disowned })
    }
}

/// The key of the next line with this digest.
fn next_key(digest: Digest, seen: &mut HashMap<Digest, u32>) -> String {
    match seen.entry(digest) {
        Entry::Vacant(entry) => {
            let key = format!("import-{}", entry.key());
            entry.insert(1);
            key
        }
        Entry::Occupied(mut entry) => {
            *entry.get_mut() += 1;
            format!("import-{}-{}", entry.key(), entry.get())
        }
    }
}

/// Checks that the line has one readable time, in only one of the ways to give it; gives the instant, if it is one.
fn check_time(
    fields: &BTreeMap<String, &RawValue>,
) -> Result<Option<rules::domain::time::Timestamp>, String> {
    let by_parts = ["hours", "minutes", "seconds"].iter().any(|name| fields.contains_key(*name));
    let text =
        |value: &RawValue| serde_json::from_str::<String>(value.get()).map_err(|error| error.to_string());
    match (by_parts, fields.get("delay"), fields.get("at")) {
        (true, None, None) => Ok(None),
        (false, Some(delay), None) => {
            let read = text(delay).and_then(|text| duration::parse_delay(&text));
            read.map(|_| None).map_err(|why| format!("delay: {why}"))
        }
        (false, None, Some(at)) => {
            let read = text(at).and_then(|text| rfc3339::parse(&text));
            read.map(Some).map_err(|why| format!("at: {why}"))
        }
        (false, None, None) => Err("needs a time: set one of hours/minutes/seconds, delay, or at".to_owned()),
        _ => Err("has more than one time: set only one of hours/minutes/seconds, delay, or at".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, run: &str, seen: &mut HashMap<Digest, u32>) -> Result<Item, String> {
        Item::read(1, text.as_bytes(), &Keys::new(run), seen, Reading { overdue: Overdue::Fire, own: false })
    }

    const REFUSE: Reading = Reading { overdue: Overdue::Refuse, own: false };

    #[test]
    fn an_owner_stays_unless_it_is_left_out_and_the_key_is_the_same() {
        let line = r#"{"delay":"1h","url":"http://a","created_by":"billing"}"#;
        let read = |own| {
            Item::read(1, line.as_bytes(), &Keys::new(""), &mut HashMap::new(), Reading { own, ..REFUSE })
                .unwrap()
        };
        let (kept, left_out) = (read(false), read(true));
        assert!(kept.json.contains(r#""created_by":"billing""#) && !kept.is_disowned);
        assert!(!left_out.json.contains("created_by") && left_out.is_disowned);
        assert_eq!(key(&kept.json), key(&left_out.json));
    }

    fn key(json: &str) -> String {
        serde_json::from_str::<serde_json::Value>(json).unwrap()[KEY].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_line_has_one_key_wherever_it_is_and_lines_alike_have_one_each() {
        let (line, other) = (r#"{"delay":"1h","url":"http://a"}"#, r#"{"delay":"2h","url":"http://a"}"#);
        let mut first = HashMap::new();
        let keys = [line, line, other].map(|line| key(&read(line, "", &mut first).unwrap().json));
        let mut second = HashMap::new();
        let again = [other, &format!("  {line}\r\n"), line]
            .map(|line| key(&read(line, "", &mut second).unwrap().json));
        assert_eq!([&keys[2], &keys[0], &keys[1]], again.each_ref());
        assert_ne!(keys[0], keys[1]);
        assert_ne!(key(&read(line, "july", &mut HashMap::new()).unwrap().json), keys[0]);
    }

    #[test]
    fn a_key_of_its_own_and_the_bytes_of_a_body_stay() {
        let line = r#"{"delay":"1h","url":"http://a","idempotency_key":"k","body":{"b": 1.0, "a":"ü"}}"#;
        let json = read(line, "", &mut HashMap::new()).unwrap().json;
        assert_eq!(key(&json), "k");
        assert!(json.contains(r#""body":{"b": 1.0, "a":"ü"}"#), "{json}");
    }

    #[test]
    fn what_has_passed_is_due_at_once_under_the_same_key() {
        let line = r#"{"at":"2020-01-01T00:00:00Z","url":"http://a"}"#;
        let fired = read(line, "", &mut HashMap::new()).unwrap();
        let refused = Item::read(1, line.as_bytes(), &Keys::new(""), &mut HashMap::new(), REFUSE).unwrap();
        assert!(fired.json.contains(r#""delay":"0s""#) && !fired.json.contains("\"at\""));
        assert!(refused.json.contains("2020"));
        assert_eq!(key(&fired.json), key(&refused.json));
    }

    #[test]
    fn what_cannot_be_a_timer_is_told_without_asking() {
        for (line, why) in [
            ("nonsense", "not a JSON object"),
            ("[]", "not a JSON object"),
            ("{}", "needs a time"),
            (r#"{"delay":"1h"}"#, "has no url"),
            (r#"{"delay":"soon","url":"http://a"}"#, "delay: "),
            (r#"{"at":"soon","url":"http://a"}"#, "at: "),
            (r#"{"delay":"1h","seconds":1,"url":"http://a"}"#, "more than one time"),
            (r#"{"delay":"1h","delay":"0s","url":"http://a"}"#, "/delay is given more than once"),
            (
                r#"{"delay":"1h","url":"http://a","retry":{"factor":2,"factor":3}}"#,
                "/retry/factor is given more",
            ),
        ] {
            let said = read(line, "", &mut HashMap::new()).err().unwrap();
            assert!(said.contains(why), "{line}: {said}");
        }
    }
}
