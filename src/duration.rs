//! Durations as people write them: `1h 30m` (humantime) or `PT90M` (ISO 8601).

use std::time::Duration;

/// Reads a duration in either form.
///
/// # Errors
///
/// A sentence that says what is wrong and what is allowed.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.starts_with(['P', 'p']) {
        return parse_iso8601(text)
            .ok_or_else(|| format!("{text:?} is not an ISO 8601 duration such as PT90M or P1DT12H"));
    }
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; allowed are forms such as \"90s\", \"1h 30m\" and \"PT90M\""))
}

/// ISO 8601-1 (5.5.2.2), without years and months, since they have no fixed length. The last number
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
            // Each unit once, from the largest to the smallest.
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
        }
    }
}
