//! Reads when a timer is due: hours, minutes and seconds, or a delay, or an instant; exactly one of them.

use std::time::Duration;

use serde_json::Value;

use super::fields::{Fields, whole};
use crate::foundation::{duration, rfc3339};
use rules::domain::time::Timestamp;

/// How far an instant may lie in the past and still be accepted, as due at once: clients' clocks differ.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// The fields that name the due instant.
const FIELDS: [&str; 5] = ["hours", "minutes", "seconds", "delay", "at"];

const WAYS: &str = "one of: hours/minutes/seconds, delay, or at";

/// Reads the due instant of a change, which need not name one.
pub(super) fn read_change(fields: &mut Fields<'_>, now: Timestamp, max_delay: Duration) -> Option<Timestamp> {
    if fields.names(&FIELDS) { read(fields, now, max_delay) } else { None }
}

/// Reads the due instant; `None` if it had an error, which has been noted.
pub(super) fn read(fields: &mut Fields<'_>, now: Timestamp, max_delay: Duration) -> Option<Timestamp> {
    let parts = [("hours", 3_600), ("minutes", 60), ("seconds", 1)];
    let parts = parts.map(|(name, unit)| (name, unit, fields.take(name)));
    let delay = fields.take("delay");
    let at = fields.take("at");

    let by_parts = parts.iter().any(|(_, _, value)| value.is_some());
    match (by_parts, delay, at) {
        (false, None, None) => {
            fields.wrong_whole(format!("does not say when; give {WAYS}"));
            None
        }
        (true, None, None) => sum(fields, &parts, max_delay).map(|delay| now.saturating_add(delay)),
        (false, Some(delay), None) => match delay.as_str().map(duration::parse_delay) {
            Some(Ok(delay)) if delay > max_delay => {
                fields.wrong("delay", too_far(max_delay));
                None
            }
            Some(Ok(delay)) => Some(now.saturating_add(delay)),
            Some(Err(why)) => {
                fields.wrong("delay", why);
                None
            }
            None => {
                fields.wrong("delay", "must be a string such as \"90s\", \"1h 30m\" or \"PT90M\"");
                None
            }
        },
        (false, None, Some(at)) => instant(fields, at, now, max_delay),
        _ => {
            for name in parts.iter().filter(|(_, _, value)| value.is_some()).map(|(name, _, _)| *name) {
                fields.wrong(name, format!("is a second way to say when; give only {WAYS}"));
            }
            for (name, value) in [("delay", delay), ("at", at)] {
                if value.is_some() {
                    fields.wrong(name, format!("is a second way to say when; give only {WAYS}"));
                }
            }
            None
        }
    }
}

/// Adds up hours, minutes and seconds. Errors name the fields that are too large alone, or else the largest one.
fn sum(
    fields: &mut Fields<'_>,
    parts: &[(&'static str, u64, Option<&Value>)],
    max_delay: Duration,
) -> Option<Duration> {
    let mut read = vec![];
    let mut good = true;
    for (name, unit, value) in parts {
        let Some(value) = value else { continue };
        let span = whole(value).map(|number| Duration::from_secs(number.saturating_mul(*unit)));
        match span {
            Some(span) if span <= max_delay => read.push((span, *name)),
            Some(_) => fields.wrong(name, too_far(max_delay)),
            None => fields.wrong(name, "must be a whole number, 0 or more, without quotes or sign"),
        }
        good &= span.is_some_and(|span| span <= max_delay);
    }
    let total: Duration = read.iter().map(|(span, _)| span).sum();
    if let Some((_, largest)) = read.iter().max().filter(|_| good && total > max_delay) {
        fields.wrong(largest, format!("{}, all fields together", too_far(max_delay)));
        return None;
    }
    good.then_some(total)
}

fn instant(fields: &mut Fields<'_>, at: &Value, now: Timestamp, max_delay: Duration) -> Option<Timestamp> {
    let form = "must be an RFC 3339 instant with an offset, such as \"2027-01-01T09:00:00+01:00\"";
    let Some(text) = at.as_str() else {
        fields.wrong("at", format!("{form}, as a string"));
        return None;
    };
    match rfc3339::parse(text) {
        Err(why) => fields.wrong("at", format!("{form}: {why}")),
        Ok(at) if now.since(at) > CLOCK_TOLERANCE => fields.wrong(
            "at",
            format!(
                "is in the past; it is {} now, and at most {CLOCK_TOLERANCE:?} before that is accepted",
                rfc3339::format(now)
            ),
        ),
        Ok(at) if at.since(now) > max_delay => fields.wrong("at", too_far(max_delay)),
        Ok(at) => return Some(at),
    }
    None
}

fn too_far(max_delay: Duration) -> String {
    format!("is too far ahead; a timer can be due at most {} from now", duration::format(max_delay))
}
