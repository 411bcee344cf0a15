//! Instants as text: RFC 3339, UTC, with microseconds.
//!
//! The only place that names the `time` crate.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::time::Timestamp;

/// Prints an instant as `2027-01-01T08:00:00.000000Z`; one past the year 9999 as the last instant of
/// that year, since RFC 3339 has no other years.
pub fn format(instant: Timestamp) -> String {
    let nanos = i128::from(instant.as_micros()) * 1_000;
    let Ok(t) = OffsetDateTime::from_unix_timestamp_nanos(nanos) else {
        return "9999-12-31T23:59:59.999999Z".to_owned();
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        t.year(),
        u8::from(t.month()),
        t.day(),
        t.hour(),
        t.minute(),
        t.second(),
        t.microsecond()
    )
}

/// The last instant that [`format()`] can print as it is, in microseconds.
const LAST: i128 = 253_402_300_799_999_999;

/// Reads an instant with any offset; fractions beyond a microsecond are rounded up, but not past the year 9999.
///
/// # Errors
///
/// A sentence for people if the text is not RFC 3339 or lies before 1970.
pub fn parse(text: &str) -> Result<Timestamp, String> {
    let instant = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())?;
    let micros = instant.unix_timestamp_nanos().div_euclid(1_000)
        + i128::from(instant.unix_timestamp_nanos().rem_euclid(1_000) != 0);
    u64::try_from(micros.min(LAST)).map(Timestamp::from_micros).map_err(|_| "lies before 1970".to_owned())
}

#[cfg(test)]
mod tests {
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
}
