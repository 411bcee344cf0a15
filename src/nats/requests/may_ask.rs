//! Which questions a node's user may ask, as far as answers have shown it.

use std::time::Duration;

use tokio::time::Instant;

use crate::nats::error::NatsError;
use rules::backoff::Backoff;

/// The pauses before a question without an answer is asked again: NATS logs each question that a user may not ask.
const ASK_AGAIN: Backoff = Backoff { first: Duration::from_secs(10), longest: Duration::from_secs(600) };

/// The questions that this node may ask, as far as it has found out.
#[derive(Debug, Default)]
pub struct MayAsk {
    pub(in crate::nats) account: Asking,
    pub(in crate::nats) servers: Asking,
}

/// Up to this many failures in a row count as momentary on a connection on which there was an answer.
const MOMENT: u32 = 6;

/// Whether a question is answered.
#[derive(Debug, Default)]
pub(in crate::nats) struct Asking {
    /// The connection of the last answer.
    answered: Option<u64>,
    /// Failures in a row.
    failures: u32,
    /// The connection without an answer, and when to ask again.
    silent: Option<(u64, Instant)>,
    /// How often the question was put off in a row.
    put_off: u32,
}

impl Asking {
    pub(in crate::nats) fn is_worth_it(&self, connection: u64) -> bool {
        self.silent.is_none_or(|(on, again)| on != connection || Instant::now() >= again)
    }

    /// Notes whether there was an answer. If the question was answered on this connection before, a missing answer counts as
    /// momentary, which is an error. Otherwise the question is asked again later.
    pub(in crate::nats) fn note(&mut self, answered: bool, connection: u64) -> Result<(), NatsError> {
        if answered {
            *self = Self { answered: Some(connection), ..Self::default() };
            return Ok(());
        }
        self.failures += 1;
        if self.answered == Some(connection) && self.failures <= MOMENT {
            return Err(NatsError::NotDone("NATS does not report its storage at the moment".to_owned()));
        }
        self.silent = Some((connection, Instant::now() + ASK_AGAIN.after(self.put_off)));
        self.put_off += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_question_without_an_answer_is_asked_less_and_less_often_and_at_once_on_a_new_connection() {
        let mut asking = Asking::default();
        assert!(asking.is_worth_it(1));
        let mut waited = vec![];
        for _ in 0..8 {
            asking.note(false, 1).unwrap();
            let from = Instant::now();
            while !asking.is_worth_it(1) {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            waited.push(from.elapsed().as_secs());
        }
        assert_eq!(waited, [10, 20, 40, 80, 160, 320, 600, 600]);
        asking.note(false, 1).unwrap();
        assert!(!asking.is_worth_it(1) && asking.is_worth_it(2));
        asking.note(true, 2).unwrap();
        assert!(asking.is_worth_it(1));
        // A question that was answered on this connection fails for a moment.
        assert!((0..MOMENT).all(|_| asking.note(false, 2).is_err()) && asking.is_worth_it(2));
        assert!(asking.note(false, 2).is_ok() && !asking.is_worth_it(2));
    }
}
