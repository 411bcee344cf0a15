//! The newest webhooks that the inbox of `jettimer dev` got, in memory.
//!
//! Pure: its caller tells it which webhooks came and when. `api` decides how to answer them, and who may look.
//!
//! **Invariant:** it has at most [`MAX_KEPT`] webhooks and [`MAX_BYTES`] bytes of them, however many come.

use std::collections::VecDeque;
use std::time::Duration;

use rules::domain::time::Timestamp;

/// How many webhooks are kept: more than a person scrolls through.
pub(crate) const MAX_KEPT: usize = 200;

/// How many bytes they may have together. A page that shows them asks for all of them, over and over.
pub(crate) const MAX_BYTES: usize = 2 * 1_024 * 1_024;

/// How much of a body is kept, in bytes, so that a large one does not drive out many others.
pub(crate) const MAX_BODY_BYTES: usize = 32 * 1_024;

/// The size of a webhook in addition to its texts, in bytes.
const OVERHEAD: usize = 512;

/// Whether a webhook is signed as this node signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// With one of its secrets.
    Valid,
    /// With none of its secrets, or the content that was signed is not the content that came.
    Invalid,
    /// Without a `webhook-signature` header.
    Missing,
}

impl Signature {
    /// Its name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Missing => "missing",
        }
    }
}

/// A webhook that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Webhook {
    /// When its body was complete.
    pub(crate) received_at: Timestamp,
    pub(crate) method: String,
    /// The path of the request, from `/dev/inbox` on.
    pub(crate) path: String,
    /// The query, without the `?`.
    pub(crate) query: String,
    /// The headers, in the order in which they came.
    pub(crate) headers: Vec<(String, String)>,
    /// The beginning of the body, at most [`MAX_BODY_BYTES`].
    pub(crate) body: Vec<u8>,
    /// The length of the whole body, in bytes.
    pub(crate) body_bytes: usize,
    /// Whether it is signed as this node signs.
    pub(crate) signature: Signature,
    pub(crate) status: u16,
}

impl Webhook {
    /// A header that is there once, or the first of several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// How long after `due_at` the webhook came.
    pub(crate) fn lateness(&self, due_at: Timestamp) -> Duration {
        self.received_at.since(due_at)
    }

    fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        OVERHEAD + self.method.len() + self.path.len() + self.query.len() + headers + self.body.len()
    }
}

/// The webhooks that are kept.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// The webhooks with their numbers, the oldest first.
    kept: VecDeque<(u64, Webhook)>,
    bytes: usize,
    count: u64,
}

impl Inbox {
    /// Takes a webhook. The oldest ones make room for it if necessary.
    pub(crate) fn take(&mut self, mut webhook: Webhook) {
        webhook.body.truncate(MAX_BODY_BYTES);
        self.count += 1;
        self.bytes += webhook.bytes();
        self.kept.push_back((self.count, webhook));
        while self.kept.len() > MAX_KEPT || self.bytes > MAX_BYTES {
            let Some((_, gone)) = self.kept.pop_front() else { return };
            self.bytes -= gone.bytes();
        }
    }

    /// The webhooks at `path` and below it with their numbers, the newest first.
    pub(crate) fn below(&self, path: &str) -> impl Iterator<Item = &(u64, Webhook)> {
        self.kept.iter().rev().filter(move |(_, webhook)| is_below(&webhook.path, path))
    }

    /// Removes the webhooks at `path` and below it. Returns how many they were.
    pub(crate) fn empty(&mut self, path: &str) -> usize {
        let before = self.kept.len();
        self.kept.retain(|(_, webhook)| !is_below(&webhook.path, path));
        self.bytes = self.kept.iter().map(|(_, webhook)| webhook.bytes()).sum();
        before - self.kept.len()
    }

    /// How many webhooks have come, including those that are no longer kept.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// How often this timer has called this path, as far as its calls are kept.
    pub(crate) fn calls_of(&self, id: &str, path: &str) -> usize {
        let same = |webhook: &Webhook| webhook.path == path && webhook.header("webhook-id") == Some(id);
        self.kept.iter().filter(|(_, webhook)| same(webhook)).count()
    }
}

/// Whether `path` is `above` or below it.
fn is_below(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(path: &str, id: &str, body: usize) -> Webhook {
        Webhook {
            received_at: Timestamp::from_micros(7),
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: vec![("webhook-id".to_owned(), id.to_owned())],
            body: vec![b'x'; body],
            body_bytes: body,
            signature: Signature::Missing,
            status: 200,
        }
    }

    fn numbers(inbox: &Inbox, path: &str) -> Vec<u64> {
        inbox.below(path).map(|(number, _)| *number).collect()
    }

    #[test]
    fn the_newest_are_kept_whatever_comes() {
        let mut inbox = Inbox::default();
        for _ in 0..MAX_KEPT + 3 {
            inbox.take(webhook("/dev/inbox", "a", 10));
        }
        let kept = numbers(&inbox, "/dev/inbox");
        assert_eq!((kept.len(), kept[0], inbox.count()), (MAX_KEPT, 203, 203));
        for _ in 0..MAX_KEPT {
            inbox.take(webhook("/dev/inbox", "a", 10 * MAX_BODY_BYTES));
            assert!(inbox.bytes <= MAX_BYTES);
        }
        let (_, newest) = inbox.below("/dev/inbox").next().unwrap();
        assert_eq!((newest.body.len(), newest.body_bytes), (MAX_BODY_BYTES, 10 * MAX_BODY_BYTES));
        assert!((30..MAX_KEPT).contains(&numbers(&inbox, "/dev/inbox").len()));
        // The bound holds even for one webhook that is larger than that.
        inbox.take(Webhook { query: "x".repeat(MAX_BYTES), ..webhook("/dev/inbox", "a", 1) });
        assert_eq!((numbers(&inbox, "/dev/inbox").len(), inbox.bytes), (0, 0));
    }

    #[test]
    fn a_path_has_the_requests_below_it_and_no_others() {
        let mut inbox = Inbox::default();
        for path in ["/dev/inbox", "/dev/inbox/a", "/dev/inbox/a/b", "/dev/inbox/ab"] {
            inbox.take(webhook(path, "x", 1));
        }
        assert_eq!(numbers(&inbox, "/dev/inbox"), [4, 3, 2, 1]);
        assert_eq!(numbers(&inbox, "/dev/inbox/a"), [3, 2]);
        assert_eq!(numbers(&inbox, "/dev/inbox/a/"), [3, 2]);
        assert_eq!(inbox.empty("/dev/inbox/a"), 2);
        assert_eq!(numbers(&inbox, "/dev/inbox"), [4, 1]);
        assert_eq!((inbox.empty("/dev/inbox"), inbox.bytes), (2, 0));
        inbox.take(webhook("/dev/inbox", "x", 1));
        assert_eq!(numbers(&inbox, "/dev/inbox"), [5]);
    }

    #[test]
    fn calls_are_those_of_one_timer_at_one_path() {
        let mut inbox = Inbox::default();
        for (path, id) in
            [("/dev/inbox", "a"), ("/dev/inbox", "a"), ("/dev/inbox/x", "a"), ("/dev/inbox", "b")]
        {
            inbox.take(webhook(path, id, 1));
        }
        assert_eq!((inbox.calls_of("a", "/dev/inbox"), inbox.calls_of("c", "/dev/inbox")), (2, 0));
    }
}
