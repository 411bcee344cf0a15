//! The rules of DNS for a name. The URL standard allows longer names, and names with an empty part, that no server can be asked
//! for.

/// The longest name, in bytes, without a dot at its end: 255 bytes as it is sent (RFC 1035, 2.3.4).
pub const MAX_NAME_BYTES: usize = 253;

/// The longest part between two dots, in bytes (RFC 1035, 2.3.4).
pub const MAX_LABEL_BYTES: usize = 63;

/// Why DNS has no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is longer than [`MAX_NAME_BYTES`].
    #[error("the name of the host is longer than the {MAX_NAME_BYTES} bytes of a name in DNS")]
    TooLong,
    /// A part is longer than [`MAX_LABEL_BYTES`].
    #[error("the name of the host has a part of more than {MAX_LABEL_BYTES} bytes between its dots")]
    LongLabel,
    /// The name has a dot at its start, or two dots in a row.
    #[error("the name of the host has an empty part: a dot at its start, or two in a row")]
    EmptyLabel,
}

/// The parts of a name, without the empty one after a dot at its end. DNS allows any byte in them (RFC 2181, 11), unlike in the
/// name of a host (RFC 1123, 2.1).
///
/// # Errors
///
/// The reason why DNS has no such name.
pub fn labels(name: &str) -> Result<impl Iterator<Item = &str>, NameError> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let labels = || name.split('.');
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong);
    }
    if labels().any(|label| label.len() > MAX_LABEL_BYTES) {
        return Err(NameError::LongLabel);
    }
    if labels().any(str::is_empty) {
        return Err(NameError::EmptyLabel);
    }
    Ok(labels())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Result<Vec<&str>, NameError> {
        labels(name).map(Iterator::collect)
    }

    #[test]
    fn a_name_has_parts_of_any_characters_and_a_dot_at_its_end_makes_no_part() {
        assert_eq!(read("-x.a+b_.*").unwrap(), ["-x", "a+b_", "*"]);
        assert_eq!(read("a.test.").unwrap(), ["a", "test"]);
    }

    #[test]
    fn a_name_that_dns_cannot_have_is_refused() {
        let (long, label) = (["y"; 127].join("."), "x".repeat(63));
        assert!(read(&long).is_ok() && read(&format!("{long}.")).is_ok() && read(&label).is_ok());
        for (name, why) in [
            (format!("{long}y"), NameError::TooLong),
            (format!("a.{label}x.test"), NameError::LongLabel),
            ("a..test".to_owned(), NameError::EmptyLabel),
            (".test".to_owned(), NameError::EmptyLabel),
            ("test..".to_owned(), NameError::EmptyLabel),
            (".".to_owned(), NameError::EmptyLabel),
            (String::new(), NameError::EmptyLabel),
        ] {
            assert_eq!(read(&name), Err(why), "{name}");
        }
    }
}
