//! The settings that all nodes of one installation share, as far as they tell each other, and the differences between two nodes.

use std::fmt;

/// The longest name of an installation, in characters.
pub const MAX_INSTALLATION_CHARS: usize = 64;

/// The settings that all nodes of an installation should share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// A digest of the node's rules about targets.
    pub rules: Digest,
    /// A digest of the permissions for its API; `None` if it does not serve one.
    pub access: Option<Digest>,
    /// Whether it is a node of `jettimer dev`.
    pub dev: bool,
    /// The name of its installation, if it has one.
    pub installation: Option<String>,
}

/// The beginning of a SHA-256, in hexadecimal: enough to tell two different sources apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest(String);

/// The number of hexadecimal digits of a digest, for 64 bits.
const DIGITS: usize = 16;

impl Digest {
    /// The digest for a SHA-256 in hexadecimal.
    pub fn of(sha256_hex: &str) -> Self {
        Self(sha256_hex.chars().take(DIGITS).collect())
    }

    /// Reads a digest; `None` if its form is wrong.
    pub fn read(text: &str) -> Option<Self> {
        let fits = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A setting that should be alike and in which two nodes differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// One of them calls targets that the other refuses.
    Rules,
    /// One of them lets in callers that the other refuses.
    Access,
    /// One of them is a node of `jettimer dev`.
    Dev,
    /// Their installations have different names, or one of them has no name.
    Installation,
}

impl Difference {
    pub const EACH: [Self; 4] = [Self::Rules, Self::Access, Self::Dev, Self::Installation];

    /// The name of the difference, in answers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Access => "access",
            Self::Dev => "dev",
            Self::Installation => "installation",
        }
    }

    /// The meaning of the difference and the remedy, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Rules => {
                "other rules about targets (--allow-targets, --deny-targets, --only-allowed-targets): one node calls targets that another \
                 refuses; while both run, timers that are forbidden here go to the others first"
            }
            Self::Access => {
                "other tokens: one node accepts requests that another refuses. Give all nodes the same list, unless tokens are being replaced"
            }
            Self::Dev => {
                "one of them is jettimer dev, which is for trying things out: it should use its own NATS"
            }
            Self::Installation => {
                "another --installation, or one without a name: if they are not meant to share timers, one of them is connected to the \
                 wrong NATS"
            }
        }
    }
}

impl Setup {
    /// The differences to another node's settings, as far as both tell them.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let differs = |difference: &Difference| match difference {
            Difference::Rules => self.rules != other.rules,
            Difference::Access => {
                self.access.as_ref().zip(other.access.as_ref()).is_some_and(|(mine, its)| mine != its)
            }
            Difference::Dev => self.dev != other.dev,
            Difference::Installation => self.installation != other.installation,
        };
        Difference::EACH.into_iter().filter(differs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_differ_in_what_both_tell() {
        let one = Setup { rules: Digest::of(&"a".repeat(64)), ..Setup::default() };
        assert_eq!(one.rules.to_string(), "a".repeat(DIGITS));
        let access = |digit: &str| Some(Digest::of(&digit.repeat(64)));
        let other = Setup { access: access("1"), ..one.clone() };
        assert_eq!(one.differences(&other), [], "a worker has no tokens");
        let third = Setup { access: access("2"), ..other.clone() };
        assert_eq!(other.differences(&third), [Difference::Access]);
        let fourth = Setup { dev: true, installation: Some("prod".to_owned()), ..Setup::default() };
        assert_eq!(fourth.differences(&one), [Difference::Rules, Difference::Dev, Difference::Installation]);
    }

    #[test]
    fn a_text_that_is_not_a_digest_is_not_read_as_one() {
        assert_eq!(Digest::read("0123456789abcdef"), Some(Digest("0123456789abcdef".to_owned())));
        for text in ["", "0123456789abcde", "0123456789abcdefa", "0123456789abcdeg"] {
            assert_eq!(Digest::read(text), None, "{text}");
        }
    }
}
