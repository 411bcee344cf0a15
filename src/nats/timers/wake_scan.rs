//! Looks at all waiting wakes, as a sweep does, in no order.
//!
//! The stream of wakes is a work queue: another consumer on it would take wakes away, and batched direct gets cost the square of
//! their number (`pages`). So each message is read on its own, from several places of the stream at once.

use std::ops::Range;

use futures_util::future::try_join_all;

use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::{STREAM, scheduled_wake};
use crate::nats::requests::leader;
use crate::nats::requests::replica::next_message;
use rules::domain::time::Timestamp;
use rules::domain::timer::TimerId;

/// From how many places the stream is read at once. The server serves these requests before any that come after them.
const PLACES: usize = 32;

#[derive(Clone, Copy, Debug)]
pub struct WaitingWake {
    pub id: TimerId,
    /// Its sequence in the stream, by which it is removed.
    pub sequence: u64,
    /// When it was armed, by the server's clock.
    pub stored_at: Timestamp,
}

/// The wakes that the stream had when the scan began, as far as they still wait.
pub struct WakeScan {
    link: Link,
    /// The sequences that are not read yet.
    left: Vec<Range<u64>>,
}

impl WakeScan {
    /// Asks the leader how far the stream reaches.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if it does not answer.
    pub async fn open(link: &Link) -> Result<Self, NatsError> {
        let state = leader::stream_info(link, STREAM).await?.state;
        let all = state.first_seq..state.last_seq.saturating_add(1);
        Ok(Self { link: link.clone(), left: vec![all] })
    }

    /// Reads one message from each of several places; gives the waiting wakes among them, and `None` at the end.
    ///
    /// # Errors
    ///
    /// A [`NatsError`]; the next call reads the same messages again.
    pub async fn next(&mut self) -> Result<Option<Vec<WaitingWake>>, NatsError> {
        self.left = spread(std::mem::take(&mut self.left), PLACES);
        if self.left.is_empty() {
            return Ok(None);
        }
        let reads = self.left.iter().map(|part| next_message(&self.link, STREAM, part.start));
        let messages = try_join_all(reads).await?;
        let mut wakes = Vec::with_capacity(messages.len());
        for (part, message) in self.left.iter_mut().zip(messages) {
            let Some(message) = message.filter(|message| part.contains(&message.sequence())) else {
                part.start = part.end;
                continue;
            };
            part.start = message.sequence() + 1;
            if let Some((id, _)) = scheduled_wake(message.subject()) {
                wakes.push(WaitingWake { id, sequence: message.sequence(), stored_at: message.stored_at() });
            }
        }
        Ok(Some(wakes))
    }
}

/// The parts that are not empty, of which the longest are split until there are `places`.
fn spread(mut parts: Vec<Range<u64>>, places: usize) -> Vec<Range<u64>> {
    parts.retain(|part| !part.is_empty());
    while parts.len() < places {
        let longest = parts.iter_mut().max_by_key(|part| part.end - part.start);
        let Some(longest) = longest.filter(|part| part.end - part.start > 1) else { break };
        let middle = longest.start + (longest.end - longest.start) / 2;
        let second = middle..longest.end;
        longest.end = middle;
        parts.push(second);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_split_into_as_many_places_and_miss_no_sequence() {
        let cases: [(&[(u64, u64)], usize); 7] = [
            (&[(0, 0)], 4),
            (&[(1, 2)], 4),
            (&[(1, 4)], 4),
            (&[(1, 1_001)], 4),
            (&[(5, 5), (7, 9), (100, 1_000_000), (12, 12)], 32),
            (&[(1, 100), (100, 200), (200, 300)], 2),
            (&[(0, u64::MAX)], 32),
        ];
        for (parts, places) in cases {
            let parts: Vec<Range<u64>> = parts.iter().map(|(start, end)| *start..*end).collect();
            let spread = spread(parts.clone(), places);
            let size = |parts: &[Range<u64>]| -> u64 { parts.iter().map(|part| part.end - part.start).sum() };
            assert_eq!(size(&spread), size(&parts), "{spread:?}");
            let mut ordered = spread.clone();
            ordered.sort_by_key(|part| part.start);
            assert!(ordered.windows(2).all(|pair| pair[0].end <= pair[1].start), "{ordered:?}");
            assert!(spread.iter().all(|part| !part.is_empty()));
            let most = usize::try_from(size(&parts)).unwrap_or(usize::MAX);
            let there = parts.iter().filter(|part| !part.is_empty()).count();
            assert_eq!(spread.len(), places.min(most).max(there));
        }
    }
}
