//! The head of an answer over HTTP/1, read as generously as is safe: its status decides, however sloppy the lines after it are.
//!
//! Real receivers write blanks before a colon, fold lines, print warnings among the fields and leave lengths empty. None of that changes
//! the receiver's actions. A head that breaks the rules of RFC 9112 is *odd*: its status counts, and its connection is not used again.

use crate::webhook::answer::Fields;

/// The length of the longest name of a field that matters, in bytes.
const LONGEST_NAME: usize = "transfer-encoding".len();

/// The head of a final answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) fields: Fields,
    pub(super) framing: Framing,
    /// The connection is not to be used again: the receiver says so, or the head is odd.
    pub(super) closes: bool,
}

/// Where an answer's body ends, as its head says (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After this many bytes.
    Length(u64),
    Chunked,
    UntilClose,
}

/// The bytes do not begin as an answer does.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not an HTTP answer")]
pub(super) struct NotHttp;

/// Reads the status of the answer that these bytes begin with, and where its line ends, or else the end of the bytes that are there. The
/// status has three digits, and a byte after them shows that it is complete (RFC 9112, 4). `None` if the status is not complete yet.
pub(super) fn status(bytes: &[u8]) -> Result<Option<(u16, usize)>, NotHttp> {
    const NAME: &[u8] = b"HTTP/";
    // Some servers write line ends after a body.
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let line = &bytes[blank..];
    let known = line.len().min(NAME.len());
    if !line[..known].eq_ignore_ascii_case(&NAME[..known]) {
        return Err(NotHttp);
    }
    let end = line.iter().position(|byte| *byte == b'\n');
    let text = &line[known..end.unwrap_or(line.len())];
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (version, status) = (words.next(), words.next());
    // A word is complete once a byte follows it. The rest of the line may never come.
    let is_whole =
        end.is_some() || words.next().is_some() || text.last().is_some_and(u8::is_ascii_whitespace);
    if !is_whole || (status.is_none() && end.is_none()) {
        return Ok(None);
    }
    let version = version.is_some_and(|word| word.first().is_some_and(u8::is_ascii_digit));
    match status.and_then(number) {
        Some(status @ 100..=999) if version => {
            Ok(Some((status, blank + end.map_or(line.len(), |end| end + 1))))
        }
        Some(_) | None => Err(NotHttp),
    }
}

/// The number that a word of three digits stands for.
fn number(word: &[u8]) -> Option<u16> {
    let digits =
        str::from_utf8(word).ok().filter(|_| word.len() == 3 && word.iter().all(u8::is_ascii_digit))?;
    digits.parse().ok()
}

/// The length of the head that these bytes begin with, including its blank line; `None` if the head is not complete. The search begins at
/// `from`.
pub(super) fn length(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(end) = bytes.get(at..)?.iter().position(|byte| *byte == b'\n') {
        at += end + 1;
        match &bytes[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Reads a head: its status line, as far as [`status`] found it, and the bytes that follow.
pub(super) fn read(status: u16, first: &[u8], rest: &[u8], to_head: bool) -> Head {
    let mut read = Reading::default();
    let end = if first.ends_with(b"\n") { Some(0) } else { rest.iter().position(|byte| *byte == b'\n') };
    let lines = &rest[end.unwrap_or(rest.len())..];
    for line in lines.split(|byte| *byte == b'\n') {
        read.line(line.strip_suffix(b"\r").unwrap_or(line));
    }
    let old = !first.windows(8).any(|word| word.eq_ignore_ascii_case(b"HTTP/1.1"));
    let framing = match read {
        _ if to_head || matches!(status, 100..=199 | 204 | 304) => Framing::Length(0),
        Reading { chunked: true, .. } => Framing::Chunked,
        Reading { length: Some(length), unclear: false, .. } => Framing::Length(length),
        Reading { .. } => Framing::UntilClose,
    };
    let closes = old || read.odd || read.unclear || read.closes || framing == Framing::UntilClose;
    Head { fields: read.fields, framing, closes }
}

#[derive(Default)]
struct Reading {
    fields: Fields,
    length: Option<u64>,
    /// Two lengths contradict each other, or one is not a number.
    unclear: bool,
    chunked: bool,
    closes: bool,
    odd: bool,
}

impl Reading {
    fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            self.odd = true;
            return;
        };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        // A folded line begins with a blank, and is not a field of its own.
        self.odd |= name.is_empty() || name.iter().any(u8::is_ascii_whitespace);
        self.odd |= line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
        if name.first().is_none_or(u8::is_ascii_whitespace) {
            return;
        }
        let (name, value) = (name.trim_ascii_end(), value.trim_ascii());
        let mut lower = [0; LONGEST_NAME];
        let Some(lower) = lower.get_mut(..name.len()) else { return };
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        match &*lower {
            b"content-length" => self.content_length(value),
            b"transfer-encoding" => self.transfer_encoding(value),
            b"connection" => self.closes |= has_word(value, b"close") || has_word(value, b"upgrade"),
            name => self.fields.field(name, value),
        }
    }

    fn content_length(&mut self, value: &[u8]) {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let length = str::from_utf8(value).ok().filter(|_| digits).and_then(|text| text.parse().ok());
        // A second length with the same value changes nothing.
        self.unclear |= length.is_none() || self.length.is_some_and(|before| Some(before) != length);
        self.odd |= self.chunked;
        self.length = length;
    }

    fn transfer_encoding(&mut self, value: &[u8]) {
        // Any other coding is unknown to us, and a body with one ends with the connection.
        self.chunked = value.eq_ignore_ascii_case(b"chunked");
        self.odd |= !self.chunked || self.length.is_some();
    }
}

fn has_word(value: &[u8], word: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(word))
}
