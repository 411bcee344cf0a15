//! The stored form of high-water marks, on NATS and in a node's file.

use serde::{Deserialize, Serialize};

use super::bucket_view::Marks;
use crate::foundation::rfc3339;
use rules::domain::high_water::HighWater;
use rules::domain::time::Timestamp;

const VERSION: u32 = 1;

#[derive(Deserialize, Serialize)]
struct MarksJson {
    v: u32,
    bucket_born: String,
    /// The mark of the newest sweep.
    #[serde(flatten)]
    swept: MarkJson,
    /// Marks of earlier sweeps that reach later instants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<MarkJson>,
    /// Absent in a text by a node that does not know this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restored: Option<MarkJson>,
}

#[derive(Deserialize, Serialize)]
struct MarkJson {
    upto: String,
    seq: u64,
    /// Each revision as its distance from the one before, which keeps the text short.
    open: Vec<u64>,
}

impl MarkJson {
    fn of(mark: &HighWater) -> Self {
        let before = [0].into_iter().chain(mark.open.iter().copied());
        let open = mark.open.iter().zip(before);
        Self {
            upto: rfc3339::format(mark.upto),
            seq: mark.seq,
            open: open.map(|(revision, before)| revision.saturating_sub(before)).collect(),
        }
    }

    fn mark(self, bucket_born: i128) -> Option<HighWater> {
        let mut last = 0_u64;
        let open = self.open.into_iter().map(|distance| {
            last = last.saturating_add(distance);
            last
        });
        Some(HighWater {
            open: open.collect(),
            bucket_born,
            upto: rfc3339::parse(&self.upto).ok()?,
            seq: self.seq,
        })
    }
}

/// The stored form of the marks of the bucket that was created at this instant.
pub(super) fn to_json(bucket_born: i128, marks: &Marks) -> Vec<u8> {
    // A mark that judges no record, in case no sweep has left one.
    let none = HighWater { bucket_born, upto: Timestamp::from_micros(0), seq: 0, open: vec![] };
    let (newest, earlier) = marks.swept.split_last().unwrap_or((&none, &[]));
    let json = MarksJson {
        v: VERSION,
        bucket_born: bucket_born.to_string(),
        swept: MarkJson::of(newest),
        earlier: earlier.iter().map(MarkJson::of).collect(),
        restored: marks.restored.as_ref().map(MarkJson::of),
    };
    // A struct of strings and numbers always serialises.
    serde_json::to_vec(&json).unwrap_or_default()
}

/// Reads stored marks; `None` if the text has another form or a later version.
pub(super) fn from_json(json: &[u8]) -> Option<Marks> {
    let json: MarksJson = serde_json::from_slice(json).ok()?;
    if json.v != VERSION {
        return None;
    }
    let born = json.bucket_born.parse().ok()?;
    let swept = json.earlier.into_iter().chain([json.swept]).map(|mark| mark.mark(born));
    Some(Marks {
        swept: swept.collect::<Option<_>>()?,
        restored: json.restored.and_then(|restored| restored.mark(born)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_back_as_they_were_written() {
        let swept = HighWater {
            bucket_born: 1_700_000_000_000_000_001,
            upto: Timestamp::from_micros(1_700_000_000_000_001),
            seq: 99,
            open: vec![3, 4, 90],
        };
        let only = Marks::of_sweep(swept.clone());
        let json = to_json(swept.bucket_born, &only);
        assert_eq!(
            String::from_utf8(json.clone()).unwrap(),
            r#"{"v":1,"bucket_born":"1700000000000000001","upto":"2023-11-14T22:13:20.000001Z","seq":99,"open":[3,1,86]}"#
        );
        assert_eq!(from_json(&json), Some(only));
        let restored = Some(HighWater { seq: 50, ..swept.clone() });
        let ahead =
            HighWater { upto: Timestamp::from_micros(1_800_000_000_000_000), seq: 60, ..swept.clone() };
        let both = Marks { swept: vec![ahead, swept], restored };
        assert_eq!(from_json(&to_json(1_700_000_000_000_000_001, &both)), Some(both));
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
