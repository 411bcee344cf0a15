//! Instants as text: RFC 3339, UTC, with microseconds. A text that nearly is RFC 3339 is read if it has one meaning, or refused
//! with a correct form.
//!
//! The only place that names the `time` crate.

mod nearly;

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use nearly::Parts;
use rules::domain::time::Timestamp;

/// The last instant that is printed unchanged: RFC 3339 has no later years.
const LAST_TEXT: &[u8; 27] = b"9999-12-31T23:59:59.999999Z";

/// An instant as text, without an allocation: each record has several.
#[derive(Clone, Copy, Debug)]
pub struct Text([u8; LAST_TEXT.len()]);

impl Text {
    /// The text of an instant, as [`format()`] prints it.
    pub fn of(instant: Timestamp) -> Self {
        let mut text = *LAST_TEXT;
        let (seconds, micros) = (instant.as_micros() / 1_000_000, instant.as_micros() % 1_000_000);
        if let Some(Ok(t)) = i64::try_from(seconds).ok().map(OffsetDateTime::from_unix_timestamp) {
            let year = u64::from(t.year().unsigned_abs());
            let [month, day] = [u8::from(t.month()), t.day()].map(u64::from);
            let [hour, minute, second] = [t.hour(), t.minute(), t.second()].map(u64::from);
            for (at, digits, number) in [
                (0, 4, year),
                (5, 2, month),
                (8, 2, day),
                (11, 2, hour),
                (14, 2, minute),
                (17, 2, second),
                (20, 6, micros),
            ] {
                print(&mut text[at..at + digits], number);
            }
        }
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        // Digits and the characters of `LAST_TEXT`.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Prints a number with as many digits as there is room for.
fn print(room: &mut [u8], mut number: u64) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Prints an instant as `2027-01-01T08:00:00.000000Z`. An instant past the year 9999 is printed as the last instant of that year.
pub fn format(instant: Timestamp) -> String {
    Text::of(instant).as_str().to_owned()
}

/// The last instant that [`format()`] can print unchanged, in microseconds.
const LAST: i128 = 253_402_300_799_999_999;

/// Reads an instant with any offset; fractions beyond a microsecond are rounded up, but not past the year 9999.
///
/// Some forms of ISO 8601 that RFC 3339 lacks are read too, since they have one meaning: a time without seconds (`T09:00Z`, as Java
/// prints a full minute), a comma before the fraction, `t`, `z` or a blank between date and time. A leap second is read as the
/// instant after it, as by every clock without leap seconds.
///
/// # Errors
///
/// A sentence for people that names the fault and the correct form, if the text is not an instant or lies before 1970.
pub fn parse(text: &str) -> Result<Timestamp, String> {
    let parts = nearly::parts(text)?;
    let instant = instant(&parts)?;
    let nanos = instant.unix_timestamp_nanos() + i128::from(parts.leap) * 1_000_000_000;
    let micros = nanos.div_euclid(1_000) + i128::from(nanos.rem_euclid(1_000) != 0);
    u64::try_from(micros.min(LAST)).map(Timestamp::from_micros).map_err(|_| "is before 1970".to_owned())
}

/// Whether a text begins with a date, as an instant does.
pub fn has_a_date(text: &str) -> bool {
    let mask = text.bytes().take(10).map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    mask.eq(*b"0000-00-00")
}

fn instant(parts: &Parts) -> Result<OffsetDateTime, String> {
    let [year, month, day] = parts.date;
    let no_day = || format!("the day {year:04}-{month:02}-{day:02} does not exist");
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok()).ok_or_else(no_day)?;
    let year = i32::from(year);
    let date = u8::try_from(day).ok().and_then(|day| Date::from_calendar_date(year, month, day).ok());
    let date = date.ok_or_else(no_day)?;
    let [hour, minute, second] = parts.time;
    let time = Time::from_hms_nano(hour, minute, second, parts.nanos).map_err(|_| {
        format!("the time {hour:02}:{minute:02}:{second:02} does not exist; a day ends at 23:59:59")
    })?;
    let offset = UtcOffset::from_whole_seconds(parts.offset_minutes * 60)
        .map_err(|_| "has an offset that no time zone uses".to_owned())?;
    let instant = date.with_time(time).assume_offset(offset);
    // A leap second is the last second of a month, in UTC.
    let utc = instant.to_offset(UtcOffset::UTC);
    let last = utc.date().next_day().is_none_or(|next| next.day() == 1);
    if parts.leap && !(last && utc.hour() == 23 && utc.minute() == 59) {
        return Err("a leap second does not exist at this time; seconds are 00 to 59".to_owned());
    }
    Ok(instant)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_instant_survives_the_way_through_text() {
        for micros in [0, 1, 1_700_000_000_123_456, 253_402_300_799_999_999] {
            let instant = Timestamp::from_micros(micros);
            assert_eq!(parse(&format(instant)), Ok(instant));
        }
        assert_eq!(format(Timestamp::from_micros(u64::MAX)), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn offsets_and_fractions_are_understood() {
        let expected = parse("2027-01-01T08:00:00Z").unwrap();
        assert_eq!(parse("2027-01-01T09:00:00+01:00"), Ok(expected));
        assert_eq!(parse("2027-01-01T07:59:59.9999999Z"), Ok(expected));
        assert!(parse("1969-12-31T23:59:59Z").is_err());
        assert_eq!(parse("9999-12-31T23:59:59.9999999Z"), parse("9999-12-31T23:59:59.999999Z"));
        assert!(parse("2027-01-01").is_err());
    }

    #[test]
    fn what_nearly_is_an_instant_and_has_one_meaning_is_read() {
        for (text, micros) in [
            ("2027-01-01T09:00Z", 0),
            ("2027-01-01T10:00+01:00", 0),
            ("2027-01-01t09:00:00z", 0),
            ("2027-01-01 09:00:00Z", 0),
            ("2027-01-01T09:00:00-00:00", 0),
            ("2027-01-01T09:00:00,25Z", 250_000),
            ("2027-01-01T09:00:00.250000000000000000000000Z", 250_000),
            ("2027-01-01T09:00:00.000000000000000000000001Z", 1),
        ] {
            let expected = parse("2027-01-01T09:00:00Z").unwrap().as_micros() + micros;
            assert_eq!(parse(text), Ok(Timestamp::from_micros(expected)), "{text}");
        }
        let next = parse("2017-01-01T00:00:00Z");
        assert_eq!(parse("2016-12-31T23:59:60Z"), next);
        assert_eq!(parse("2017-01-01T00:59:60+01:00"), next);
        assert_eq!(parse("2016-12-31T23:59:60.5Z"), parse("2017-01-01T00:00:00.5Z"));
    }

    #[test]
    fn what_is_refused_says_what_to_write() {
        for (text, why) in [
            ("", "is empty"),
            ("2027-01-01", "is only a date"),
            ("2027-01-01T09:00:00", "has no offset; add Z"),
            ("2027-01-01T09:00", "has no offset; add Z"),
            ("2027-01-01T09:00:00+0100", "write the offset as +01:00"),
            ("2027-01-01T09:00:00-08", "write the offset as -08:00"),
            ("2027-01-01T09:00:00 +01:00", "space before the offset"),
            ("2027-01-01T09:00:00 Z", "space before the offset"),
            ("2027-01-01T09:00:00 01:00", "%2B"),
            ("2027-01-01T09:00:00UTC", "write Z for UTC"),
            ("2027-01-01T09:00:00[Europe/Berlin]", "has no offset"),
            ("2027-01-01T09:00:00+01:00[Europe/Berlin]", "after the offset"),
            ("2027-01-01T09Z", "minutes are missing"),
            ("2027-01-01T24:00:00Z", "00:00 of the next day"),
            ("2027-01-01T25:00:00Z", "the time 25:00:00 does not exist"),
            ("2027-01-01T09:60:00Z", "the time 09:60:00 does not exist"),
            ("2027-01-01T09:00:61Z", "the time 09:00:61 does not exist"),
            ("2027-01-01T09:00:60Z", "a leap second does not exist"),
            ("2026-12-30T23:59:60Z", "a leap second does not exist"),
            ("2027-02-29T09:00:00Z", "the day 2027-02-29 does not exist"),
            ("2027-13-01T09:00:00Z", "the day 2027-13-01 does not exist"),
            ("2027-01-01T09:00:00.Z", "no digits after"),
            ("2027-01-01T9:00:00Z", "two digits each"),
            ("2027-1-1T09:00:00Z", "must begin with a date"),
            ("20270101T090000Z", "must begin with a date"),
            ("1800000000", "is a number"),
            ("1800000000000", "is a number"),
            ("tomorrow", "must begin with a date"),
            ("2027-01-01T09:00:00+24:00", "an offset that no time zone uses"),
            ("2027-01-01T09:00:00+01:60", "an offset that no time zone uses"),
            ("2027-01-01x09:00:00Z", "T between"),
            ("+12027-01-01T09:00:00Z", "must begin with a date"),
        ] {
            let said = parse(text).expect_err(text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_any_other_text(micros in 0..=LAST as u64) {
            let text = format(Timestamp::from_micros(micros));
            prop_assert_eq!(parse(&text), Ok(Timestamp::from_micros(micros)));
            prop_assert_eq!(parse(&text.replace('Z', "+00:00")), Ok(Timestamp::from_micros(micros)));
        }

        #[test]
        fn no_text_makes_it_panic(any in "\\PC{0,40}", nearly in "2027-[0-1][0-9]-[0-3][0-9][Tt x][0-9:.,]{0,20}[Zz+ \\-0-9:]{0,8}") {
            let _ = parse(&any);
            let _ = parse(&nearly);
            prop_assert!(!has_a_date(&any) || any.is_ascii() || any.is_char_boundary(10));
        }
    }
}
