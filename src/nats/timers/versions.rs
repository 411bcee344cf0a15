//! The headers in which a record names its earlier versions.

use async_nats::{HeaderMap, HeaderName};

use super::store::Stored;
use crate::nats::api::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use crate::nats::names::{PAST, WAS, WAS_NOTHING};
use crate::nats::requests::tail::Seen;
use rules::domain::state_kind::StateKind;
use rules::ledger::Past;

/// Adds the headers of a record that replaces `over`, or is new.
pub(super) fn name_versions(headers: &mut HeaderMap, over: Option<&Stored>) {
    // Also for nodes of an earlier version, which read only this one. True if the record is stored at all, since it replaces this
    // revision only.
    let was = over.map_or(WAS_NOTHING, |over| over.timer.state.name());
    headers.insert(HeaderName::from_static(WAS), was);
    if let Some(over) = over {
        headers.insert(HeaderName::from_static(PAST), past_of_next(over).to_string());
    }
}

/// The past of a version that replaces this one.
pub(super) fn past_of_next(over: &Stored) -> Past {
    over.past.followed_by(over.revision, over.timer.state.kind())
}

/// The past of a record in a message of the bucket.
pub(in crate::nats) fn past_of(seen: &Seen) -> Past {
    let expected = seen.header(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE).and_then(|text| text.parse().ok());
    past(|name| seen.header(name), expected)
}

/// The past of a record with these headers, which was stored in place of the revision `expected`, if its writer named one.
pub(super) fn past<'h>(header: impl Fn(&'static str) -> Option<&'h str>, expected: Option<u64>) -> Past {
    if let Some(past) = header(PAST).and_then(|text| text.parse().ok()) {
        return past;
    }
    match (header(WAS), expected) {
        (Some(WAS_NOTHING), _) | (None, Some(0)) => Past::none(),
        (was, expected) => Past::unsaid(expected.zip(was.and_then(StateKind::from_name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_an_earlier_version_or_of_a_hand_names_what_it_can() {
        let read = |headers: &'static [(&str, &str)], expected| {
            past(|name| headers.iter().find(|header| header.0 == name).map(|header| header.1), expected)
        };
        assert_eq!(read(&[(WAS, WAS_NOTHING)], Some(0)), Past::none());
        let named = &[(WAS, "firing"), (PAST, "41 created, 57 firing")];
        assert_eq!(read(named, Some(57)).to_string(), "41 created, 57 firing");
        assert_eq!(read(&[(WAS, "firing")], Some(57)), Past::unsaid(Some((57, StateKind::Firing))));
        assert_eq!(read(&[], Some(0)), Past::none());
        assert_eq!(read(&[], None), Past::unsaid(None));
        assert_eq!(read(&[(WAS, "unheard"), (PAST, "57")], Some(57)), Past::unsaid(None));
    }
}
