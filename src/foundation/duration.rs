//! Durations as people write them: `1h 30m` (humantime) or `PT90M` (ISO 8601).

use std::time::Duration;

const DAY_SECONDS: u64 = 86_400;

/// Reads a duration in either form. The letter `M` alone is refused, since it is a month to some and a minute to others.
///
/// # Errors
///
/// A sentence that names the fault and the form that is allowed.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if units(text).any(|unit| unit == "M") {
        return Err(MONTH_OR_MINUTE.to_owned());
    }
    if text.starts_with(['P', 'p']) {
        return parse_iso8601(text)
            .ok_or_else(|| format!("{text:?} is not an ISO 8601 duration such as PT90M or P1DT12H"));
    }
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a duration like \"90s\", \"1h 30m\" or \"PT90M\""))
}

/// Reads a delay from now. Months and years are refused, as in ISO 8601: they have no fixed length, so the instant would not be the
/// one that the author has in mind.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_delay(text: &str) -> Result<Duration, String> {
    let span = parse(text)?;
    match calendar_unit(text) {
        Some(why) => Err(why),
        None => Ok(span),
    }
}

/// The reason why a text with a calendar unit cannot be a delay; `None` if it has no such unit.
pub fn calendar_unit(text: &str) -> Option<String> {
    let unit = units(text).find(|unit| CALENDAR_UNITS.contains(unit))?;
    Some(match unit {
        "M" => MONTH_OR_MINUTE.to_owned(),
        unit => {
            format!("{unit:?} has no fixed length; give days, such as \"30d\", or the instant itself")
        }
    })
}

/// Prints a duration in the form that [`parse`] reads. Its largest unit is the day: people do not agree on the length of a month.
pub fn format(span: Duration) -> String {
    let days = span.as_secs() / DAY_SECONDS;
    let rest = span - Duration::from_secs(days * DAY_SECONDS);
    let rest = (days == 0 || !rest.is_zero()).then(|| humantime::format_duration(rest).to_string());
    let days = (days > 0).then(|| format!("{days}{}", if days == 1 { "day" } else { "days" }));
    days.into_iter().chain(rest).collect::<Vec<_>>().join(" ")
}

const MONTH_OR_MINUTE: &str =
    "\"M\" is a month to some and a minute to others; write \"m\" for minutes, or days such as \"30d\"";

/// Calendar units, as humantime knows them.
const CALENDAR_UNITS: &[&str] = &["M", "month", "months", "y", "yr", "yrs", "year", "years"];

/// The units of a duration in the humantime form; none for one in ISO 8601, which has no such ambiguity.
fn units(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim();
    let written = if text.starts_with(['P', 'p']) { "" } else { text };
    written.split(|c: char| !c.is_alphabetic()).filter(|unit| !unit.is_empty())
}

/// Reads ISO 8601-1 (5.5.2.2), without years and months, since they have no fixed length. The last number
/// may have a fraction.
fn parse_iso8601(text: &str) -> Option<Duration> {
    let upper = text.to_ascii_uppercase();
    let (days, clock) = match upper.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((days, clock)) => (days, clock),
        None => (&upper[1..], ""),
    };
    if days.is_empty() && clock.is_empty() {
        return None;
    }
    let mut total = 0_u128;
    let mut fraction_seen = false;
    for (part, units) in
        [(days, &[('W', 604_800), ('D', 86_400)][..]), (clock, &[('H', 3_600), ('M', 60), ('S', 1)][..])]
    {
        let mut rest = part;
        let mut units = units.iter();
        while !rest.is_empty() {
            if fraction_seen {
                return None;
            }
            let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
            let (number, tail) = rest.split_at(end);
            let unit = tail.chars().next()?;
            // Each unit occurs once at most, from the largest to the smallest.
            let (_, seconds) = units.find(|(name, _)| *name == unit)?;
            let (nanos, has_fraction) = nanos_of(number, *seconds)?;
            fraction_seen = has_fraction;
            total = total.checked_add(nanos)?;
            rest = tail.get(1..)?;
        }
    }
    let seconds = u64::try_from(total / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(total % 1_000_000_000).ok()?))
}

/// `number` times `seconds`, in nanoseconds, and whether the number has a fraction.
fn nanos_of(number: &str, seconds: u128) -> Option<(u128, bool)> {
    let (whole, fraction) = match number.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) {
        return None;
    }
    let mut nanos = whole.parse::<u64>().map(u128::from).ok()?.checked_mul(seconds * 1_000_000_000)?;
    if let Some(fraction) = fraction {
        if !digits(fraction) || fraction.len() > 9 {
            return None;
        }
        let billionths = format!("{fraction:0<9}").parse::<u128>().ok()?;
        nanos = nanos.checked_add(billionths * seconds)?;
    }
    Some((nanos, fraction.is_some()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        for (text, millis) in [
            ("90s", 90_000),
            ("1h 30m", 5_400_000),
            ("250ms", 250),
            ("PT90M", 5_400_000),
            ("P1DT12H", 129_600_000),
            ("P2W", 1_209_600_000),
            ("PT0.5S", 500),
            ("PT1,5H", 5_400_000),
            ("pt1m", 60_000),
            ("PT0S", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_letter_that_is_a_month_to_some_is_refused_and_what_has_no_length_is_no_delay() {
        for text in ["1M", "5M", "1h 5M", "1M1s"] {
            assert!(parse(text).unwrap_err().contains("minute to others"), "{text}");
            assert!(parse_delay(text).is_err() && calendar_unit(text).is_some(), "{text}");
        }
        for text in ["1month", "2 months", "1y", "1year 2h", "3yrs"] {
            assert!(parse(text).is_ok(), "{text}");
            assert!(parse_delay(text).unwrap_err().contains("no fixed length"), "{text}");
        }
        for text in ["1m", "5min", "1 minute", "PT1M", "pt1m", "2 days", "3w", "1ms", "1h 30m"] {
            assert_eq!(parse_delay(text), parse(text), "{text}");
            assert!(parse_delay(text).is_ok() && calendar_unit(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_span_is_printed_in_days_at_most() {
        for (seconds, text) in [
            (0, "0s"),
            (90, "1m 30s"),
            (86_400, "1day"),
            (100 * 86_400, "100days"),
            (3_650 * 86_400 + 3_661, "3650days 1h 1m 1s"),
        ] {
            assert_eq!(format(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "1",
            "abc",
            "-1s",
            "PT-1S",
            "P1Y",
            "P1M",
            "PT1S1M",
            "PT1M1M",
            "PT1.5M1S",
            "PT.5S",
            "PT1.S",
            "PTS",
            "P1H",
            "PT99999999999999999999S",
            "PT1S ",
            "PT1é",
        ] {
            // A trailing space is trimmed, as humantime does.
            if text.ends_with(' ') {
                assert!(parse(text).is_ok());
            } else {
                assert!(parse(text).is_err(), "{text:?} was read as {:?}", parse(text));
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,24}", iso in "P[0-9WDTHMS.,]{0,16}") {
            let _ = parse(&text);
            let _ = parse(&iso);
            let _ = parse_delay(&text);
        }

        #[test]
        fn what_is_printed_is_read_back(millis in 0_u64..10_000_000_000_000) {
            let span = Duration::from_millis(millis);
            prop_assert_eq!(parse_delay(&format(span)), Ok(span));
        }
    }
}
