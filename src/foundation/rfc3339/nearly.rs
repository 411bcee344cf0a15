//! The parts of an instant's text, and what to write in place of a wrong part.

/// The numbers of an instant, not yet compared with a calendar.
pub(super) struct Parts {
    /// Year, month, day.
    pub(super) date: [u16; 3],
    /// Hour, minute, second; for a leap second, the second before it.
    pub(super) time: [u8; 3],
    /// Nanoseconds, rounded up.
    pub(super) nanos: u32,
    /// Whether it is a leap second.
    pub(super) leap: bool,
    /// Minutes east of UTC.
    pub(super) offset_minutes: i32,
}

/// The form in which jettimer prints instants: each record has some, and they are read at each change of it.
const OWN: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";

/// Takes apart a text of the form [`OWN`].
fn own(text: &str) -> Option<Parts> {
    let bytes: &[u8; 27] = text.as_bytes().try_into().ok()?;
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    if !bytes.iter().zip(OWN).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    // An hour of 24 or a leap second is left to the careful reader below.
    if number(11, 13) > 23 || number(17, 19) > 59 {
        return None;
    }
    Some(Parts {
        date: [number(0, 4), number(5, 7), number(8, 10)].map(|part| part as u16),
        time: [number(11, 13), number(14, 16), number(17, 19)].map(|part| part as u8),
        nanos: number(20, 26) * 1_000,
        leap: false,
        offset_minutes: 0,
    })
}

/// Takes apart any text of an instant.
pub(super) fn parts(text: &str) -> Result<Parts, String> {
    if let Some(parts) = own(text) {
        return Ok(parts);
    }
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err("is a number; write it as a date and a time, such as 2027-01-01T09:00:00Z".to_owned());
    }
    if !super::has_a_date(text) {
        return Err("must begin with a date such as 2027-01-01".to_owned());
    }
    let (date, rest) = text.split_at(10);
    let date = [&date[..4], &date[5..7], &date[8..]].map(|part| part.parse().unwrap_or_default());
    let Some(between) = rest.chars().next() else {
        return Err("is only a date; add a time and an offset, such as T09:00:00Z".to_owned());
    };
    if !matches!(between, 'T' | 't' | ' ') {
        return Err("must have a T between date and time".to_owned());
    }
    let (hour, minute, second, rest) = clock(&rest[1..])?;
    let (nanos, rest) = fraction(rest)?;
    let offset_minutes = offset(rest)?;
    if (hour, minute, second) == (24, 0, 0) {
        return Err("write 24:00 as 00:00 of the next day".to_owned());
    }
    let leap = second == 60;
    Ok(Parts { date, time: [hour, minute, if leap { 59 } else { second }], nanos, leap, offset_minutes })
}

/// Hour, minute and second, of which the second may be missing; and the rest.
fn clock(text: &str) -> Result<(u8, u8, u8, &str), String> {
    const FORM: &str = "the time must have hours, minutes and seconds, two digits each, such as 09:00:00";
    let (hour, rest) = two(text).ok_or(FORM)?;
    let rest =
        rest.strip_prefix(':').ok_or_else(|| match rest.starts_with(|c: char| c.is_ascii_digit()) {
            true => FORM.to_owned(),
            false => format!("minutes are missing: {FORM}"),
        })?;
    let (minute, rest) = two(rest).ok_or(FORM)?;
    match rest.strip_prefix(':') {
        None => Ok((hour, minute, 0, rest)),
        Some(rest) => {
            two(rest).map(|(second, rest)| (hour, minute, second, rest)).ok_or_else(|| FORM.to_owned())
        }
    }
}

/// Nanoseconds, rounded up, and the rest.
fn fraction(text: &str) -> Result<(u32, &str), String> {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return Ok((0, text)) };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    if digits.is_empty() {
        return Err("has no digits after the decimal point of its seconds".to_owned());
    }
    let (kept, cut) = digits.split_at(digits.len().min(9));
    let nanos: u32 = format!("{kept:0<9}").parse().unwrap_or_default();
    // A fraction above 999,999,999 ns is still this second: it is rounded up with the microseconds.
    let up = u32::from(cut.bytes().any(|byte| byte != b'0'));
    Ok(((nanos + up).min(999_999_999), rest))
}

/// Minutes east of UTC.
fn offset(text: &str) -> Result<i32, String> {
    const ADD: &str = "has no offset; add Z for UTC, or one such as +01:00";
    let bare = text.trim_start();
    if bare.len() < text.len() {
        return Err(if bare.starts_with(|c: char| c.is_ascii_digit()) {
            "has a space in place of the sign of its offset; in a query, write the + of an offset as %2B"
                .to_owned()
        } else {
            "must not have a space before the offset".to_owned()
        });
    }
    let sign = match text.chars().next() {
        None | Some('[') => return Err(ADD.to_owned()),
        Some('Z' | 'z') => return after(&text[1..]).map(|()| 0),
        Some('+') => 1,
        Some('-') => -1,
        Some(_) => return Err("must end with its offset; write Z for UTC, or one such as +01:00".to_owned()),
    };
    let (hours, rest) = two(&text[1..]).ok_or("has an offset that is not written like +01:00")?;
    let (minutes, rest) = match rest.strip_prefix(':').and_then(two) {
        Some(read) => read,
        None => {
            let minutes = two(rest).map_or(0, |(minutes, _)| minutes);
            return Err(format!("write the offset as {}{hours:02}:{minutes:02}", &text[..1]));
        }
    };
    after(rest)?;
    if hours > 23 || minutes > 59 {
        return Err("has an offset that no time zone uses".to_owned());
    }
    Ok(sign * (i32::from(hours) * 60 + i32::from(minutes)))
}

fn after(rest: &str) -> Result<(), String> {
    if rest.is_empty() { Ok(()) } else { Err("must end after the offset".to_owned()) }
}

/// A number of two digits, and the rest.
fn two(text: &str) -> Option<(u8, &str)> {
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((digits.parse().ok()?, &text[2..]))
}
