//! Text that people have written to a file or pipe: UTF-8, perhaps after a byte order mark. Some editors write that mark; it
//! is not part of the text.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The byte order mark, U+FEFF, in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The text without a byte order mark at its beginning.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// The entries of a list, each with the number of its line, from 1 on: one per line, or several with a `;` between them. All text
/// after the first `#` of a line is a comment; blank entries do not count.
pub fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines());
    let entries = lines.flat_map(|(number, line)| {
        let (entries, _comment) = line.split_once('#').unwrap_or((line, ""));
        entries.split(';').map(move |entry| (number, entry.trim()))
    });
    entries.filter(|(_, entry)| !entry.is_empty())
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
///
/// If the file cannot be read, or is not UTF-8.
pub fn read(path: &Path) -> io::Result<String> {
    let mut bytes = vec![];
    if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.read_to_end(&mut bytes)?;
    }
    text(&bytes)
}

fn text(bytes: &[u8]) -> io::Result<String> {
    std::str::from_utf8(without_mark(bytes)).map(str::to_owned).map_err(|_| {
        let what = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16; save it as UTF-8",
            _ => "it is not UTF-8",
        };
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_text() {
        assert_eq!(text("\u{feff}a \u{feff}".as_bytes()).unwrap(), "a \u{feff}");
        assert_eq!(text(b"a").unwrap(), "a");
        assert_eq!(without_mark(b"\xef\xbb"), b"\xef\xbb");
        assert!(text(b"\xff\xfea\0").unwrap_err().to_string().contains("UTF-16"));
        assert!(text(b"\xc3").unwrap_err().to_string().contains("not UTF-8"));
    }

    #[test]
    fn a_comment_goes_on_to_the_end_of_its_line() {
        let text = "# old; a\nb; c # d; e\r\n\n ;; f\n";
        assert_eq!(entries(text).collect::<Vec<_>>(), [(2, "b"), (2, "c"), (4, "f")]);
    }
}
