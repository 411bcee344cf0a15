//! The rights that tokens give, and their names.

use std::fmt;

/// A right that a token can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// See timers, lists, the feed and metrics: numbers say less than a list, and a scraper's token should do no harm.
    Read,
    /// Create, change, cancel, fire and replay timers.
    Write,
    /// Everything, including acts on many timers at once: cancelling by filter.
    Admin,
    /// See the headers and bodies that timers send.
    ReadBody,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Admin, Self::ReadBody];

    /// The scope's name in lists of tokens and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::ReadBody => "read-body",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads the name of a scope.
///
/// # Errors
///
/// The scopes that exist.
pub fn scope(name: &str) -> Result<Scope, String> {
    Scope::ALL
        .into_iter()
        .find(|scope| scope.name() == name)
        .ok_or_else(|| format!("{name:?} is not a scope; scopes are read, write, admin, read-body"))
}
