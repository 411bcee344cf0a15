//! The stored form of a high-water mark, on NATS and in a node's file.

use serde::{Deserialize, Serialize};

use crate::domain::high_water::HighWater;
use crate::rfc3339;

const VERSION: u32 = 1;

#[derive(Deserialize, Serialize)]
struct MarkJson {
    v: u32,
    bucket_born: String,
    upto: String,
    seq: u64,
    /// Each revision as its distance from the one before, which keeps the text short.
    open: Vec<u64>,
}

/// The stored form of a mark.
pub(super) fn to_json(mark: &HighWater) -> Vec<u8> {
    let before = [0].into_iter().chain(mark.open.iter().copied());
    let json = MarkJson {
        v: VERSION,
        bucket_born: mark.bucket_born.to_string(),
        upto: rfc3339::format(mark.upto),
        seq: mark.seq,
        open: mark
            .open
            .iter()
            .zip(before)
            .map(|(revision, before)| revision.saturating_sub(before))
            .collect(),
    };
    // A struct of strings and numbers always serialises.
    serde_json::to_vec(&json).unwrap_or_default()
}

/// Reads a stored mark; `None` for a text that is none, or one of a later version.
pub(super) fn from_json(json: &[u8]) -> Option<HighWater> {
    let json: MarkJson = serde_json::from_slice(json).ok()?;
    if json.v != VERSION {
        return None;
    }
    let mut last = 0_u64;
    let open = json.open.into_iter().map(|distance| {
        last = last.saturating_add(distance);
        last
    });
    Some(HighWater {
        open: open.collect(),
        bucket_born: json.bucket_born.parse().ok()?,
        upto: rfc3339::parse(&json.upto).ok()?,
        seq: json.seq,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn a_mark_is_read_back_as_it_was_written() {
        let mark = HighWater {
            bucket_born: 1_700_000_000_000_000_001,
            upto: Timestamp::from_micros(1_700_000_000_000_001),
            seq: 99,
            open: vec![3, 4, 90],
        };
        let json = to_json(&mark);
        assert_eq!(
            String::from_utf8(json.clone()).unwrap(),
            r#"{"v":1,"bucket_born":"1700000000000000001","upto":"2023-11-14T22:13:20.000001Z","seq":99,"open":[3,1,86]}"#
        );
        assert_eq!(from_json(&json), Some(mark));
    }

    #[test]
    fn a_text_that_is_no_mark_is_no_mark() {
        assert_eq!(from_json(b""), None);
        assert_eq!(
            from_json(br#"{"v":2,"bucket_born":"1","upto":"2023-11-14T22:13:20Z","seq":9,"open":[]}"#),
            None
        );
        assert_eq!(
            from_json(br#"{"v":1,"bucket_born":"x","upto":"2023-11-14T22:13:20Z","seq":9,"open":[]}"#),
            None
        );
    }
}
