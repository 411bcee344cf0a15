//! Where cargo-fuzz comes in: each function is tried on bytes of all kinds, and panics if a promise about them is broken.
//!
//! It is there for `fuzz/` and for the test below, which tries all that was worth keeping, and is in no program. What is
//! promised is said where the bytes are read: in `api`, `nats`, `journal` and `webhook`.

use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::node::journal::format::{self, Mark};
use crate::{api, foundation::duration, foundation::rfc3339, nats, webhook};
use rules::domain::attempt::Delivery;
use rules::domain::machine::{Effect, Input, step};
use rules::domain::rate::Rate;
use rules::domain::statuses::StatusSet;
use rules::domain::target::{Body, Method, Target, TargetUrl};
use rules::domain::time::Timestamp;
use rules::domain::timer::{Claim, State, Timer};
use rules::policy::Rule;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// The body of a creation or a change.
pub fn draft(bytes: &[u8]) {
    api::fuzzing::a_body(bytes);
}

/// A duration, and the other short texts that people write: instants, rates, statuses, URLs, rules of targets.
pub fn duration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(span) = duration::parse(text) {
        let people = humantime::format_duration(span).to_string();
        assert_eq!(duration::parse(&people), Ok(span), "{text:?} as {people:?}");
        let iso = format!("PT{}.{:09}S", span.as_secs(), span.subsec_nanos());
        assert_eq!(duration::parse(&iso), Ok(span), "{text:?} as {iso:?}");
    }
    if let Ok(instant) = rfc3339::parse(text) {
        let again = rfc3339::format(instant);
        assert_eq!(rfc3339::parse(&again), Ok(instant), "{text:?} as {again:?}");
    }
    if let Ok(url) = TargetUrl::parse(text) {
        assert_eq!(TargetUrl::parse(url.as_str()), Ok(url), "{text:?}");
    }
    is_read_back::<Rate>(text);
    is_read_back::<StatusSet>(text);
    is_read_back::<Rule>(text);
}

/// A stored record, of any version.
pub fn record(bytes: &[u8]) {
    nats::fuzzing::a_record(bytes);
}

/// A message of one of the streams: its subject, headers and payload.
pub fn message(bytes: &[u8]) {
    nats::fuzzing::a_message(bytes);
}

/// What a receiver answers: it is kept, and takes no more room in the record than is left for it.
pub fn answer(bytes: &[u8]) {
    let Some(called) = webhook::fuzzing::called(bytes) else { return };
    let Ok(url) = TargetUrl::parse("http://example.com/") else { return };
    let target = Target { url, method: Method::Post, headers: [].into(), body: Body::Default };
    let claim = Claim { id: Uuid::nil(), node: "n".into(), due_at: NOW, since: NOW, lease_until: NOW };
    let state = State::Firing { attempt: 1, claim };
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce] {
        let waiting = Timer::waiting(Uuid::nil(), NOW, NOW, target.clone());
        let timer = Timer { delivery, state: state.clone(), ..waiting };
        let outcome = Input::Outcome { claim: Uuid::nil(), called: Arc::new(called.clone()) };
        for effect in step(&timer, outcome, NOW).effects {
            if let Effect::Store(timer) = effect {
                nats::fuzzing::comes_back(&timer);
                nats::fuzzing::has_room(&timer);
            }
        }
    }
}

/// A slot of a journal of calls, or a header: what is read of either was written so.
pub fn journal(bytes: &[u8]) {
    if let Some(header) = format::Header::decode(bytes) {
        assert_eq!(header.encode(), bytes[..format::HEADER_BYTES]);
    }
    let Some(noted) = format::read(bytes) else { return };
    let mark = match &noted.mark {
        Mark::Claimed | Mark::Written => return,
        Mark::Answered(called) => format::answered(noted.claim, called, noted.at),
    };
    let mut again = bytes[..format::MARK_AT].to_vec();
    again.extend_from_slice(&mark);
    assert_eq!(format::read(&again), Some(noted));
}

/// What can be read prints so that it is read as the same.
fn is_read_back<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let again = value.to_string();
    assert!(again.parse::<T>().is_ok_and(|read| read == value), "{text:?} as {again:?}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Tries every file of the corpus of a target, and says how many there are.
    fn tried(target: &str, run: fn(&[u8])) -> usize {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let files = std::fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        files.map(|file| run(&std::fs::read(file.unwrap().path()).unwrap())).count()
    }

    #[test]
    fn everything_that_was_worth_keeping_is_still_handled() {
        for (target, count) in [
            ("draft", tried("draft", draft)),
            ("duration", tried("duration", duration)),
            ("record", tried("record", record)),
            ("message", tried("message", message)),
            ("answer", tried("answer", answer)),
            ("journal", tried("journal", journal)),
        ] {
            assert!(count >= 5, "the corpus of {target} is gone");
        }
    }
}
