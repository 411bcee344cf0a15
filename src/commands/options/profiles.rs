//! Profiles: named servers with their tokens, in a TOML file of the user's own.
//!
//! A file with a token in it that others may read is refused, as ssh does with keys: a warning would be read after the
//! token was sent. Nothing of the file's text is repeated in errors, since it may be a token.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::commands::client::{Server, Token};
use crate::foundation::text_file;

/// What the file has.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profiles {
    /// The one that is used if none is named.
    profile: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// One server, and as whom it is asked.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    server: Option<String>,
    token: Option<String>,
    token_file: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Profiles {
    /// Reads a file; one that need not be there has no profiles.
    pub(super) fn read(path: &Path, must_exist: bool) -> Result<Self> {
        let text = match text_file::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let read: Self = toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            anyhow::anyhow!("{}, line {line}: {}", path.display(), error.message())
        })?;
        if read.profiles.values().any(|profile| profile.token.is_some()) {
            check_private(path)?;
        }
        Ok(read)
    }

    /// The profile of this name, or else the file's own choice, if there is one.
    pub(super) fn choose(self, wanted: Option<&str>, path: &Path) -> Result<Profile> {
        let Some(name) = wanted.or(self.profile.as_deref()) else { return Ok(Profile::default()) };
        if let Some(profile) = self.profiles.get(name) {
            return Ok(profile.clone());
        }
        let known = self.profiles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let known =
            if known.is_empty() { "it has no profiles".to_owned() } else { format!("it has {known}") };
        bail!("{} has no profile {name:?}; {known}", path.display())
    }
}

impl Profile {
    pub(super) fn server(&self) -> Result<Option<Server>> {
        let server = self.server.as_deref().map(str::parse::<Server>).transpose();
        server.context("`server` of the profile")
    }

    pub(super) fn token(&self) -> Result<Option<Token>> {
        let text = match (&self.token, &self.token_file) {
            (Some(_), Some(_)) => bail!("the profile has both `token` and `token_file`: leave out one"),
            (Some(token), None) => token.clone(),
            // Secrets that are mounted as files have modes of their own, and they are not ours to judge.
            (None, Some(path)) => {
                text_file::read(path).with_context(|| format!("cannot read {}", path.display()))?
            }
            (None, None) => return Ok(None),
        };
        Token::new(&text).context("the token of the profile")
    }
}

/// Checks that only its owner may read a file.
fn check_private(path: &Path) -> Result<()> {
    /// What group and others may do.
    const OF_OTHERS: u32 = 0o077;
    let found = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if found.permissions().mode() & OF_OTHERS != 0 {
        let path = path.display();
        bail!(
            "{path} contains a token, and users other than its owner may read or write it: run chmod 600 {path}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::TempDir::new().unwrap();
        let path = home.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (home, path)
    }

    const TWO: &str = "profile = \"a\"\n[profiles.a]\nserver = \"https://a.example\"\ntoken = \"jt_secret\"\n\
                       [profiles.b]\nserver = \"http://b\"\n";

    fn server_of(text: &str, mode: u32, wanted: Option<&str>) -> Result<String> {
        let (_home, path) = written(text, mode);
        let server = Profiles::read(&path, true)?.choose(wanted, &path)?.server()?;
        Ok(server.map(|server| server.to_string()).unwrap_or_default())
    }

    #[test]
    fn the_named_profile_is_used_or_else_the_files_own_choice() {
        assert_eq!(server_of(TWO, 0o600, None).unwrap(), "https://a.example");
        assert_eq!(server_of(TWO, 0o600, Some("b")).unwrap(), "http://b");
        assert_eq!(server_of("[profiles.a]\nserver = \"http://a\"", 0o644, None).unwrap(), "");
        let unknown = server_of(TWO, 0o600, Some("c")).unwrap_err().to_string();
        assert!(unknown.ends_with("has no profile \"c\"; it has a, b"), "{unknown}");
    }

    #[test]
    fn a_token_that_others_may_read_is_refused() {
        for mode in [0o640, 0o604, 0o620] {
            let refused = server_of(TWO, mode, Some("b")).unwrap_err().to_string();
            assert!(refused.contains("chmod 600"), "{refused}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text_that_may_be_a_token() {
        for text in [
            "[profiles.a]\ntoken = jt_secret",
            "[profiles.a]\nserver = 1\ntoken = \"jt_secret\"",
            "jt_secret",
        ] {
            let wrong = format!("{:#}", server_of(text, 0o600, None).unwrap_err());
            assert!(wrong.contains(", line ") && !wrong.contains("jt_secret"), "{wrong}");
        }
        let (_home, path) = written("[profiles.a]\ntoken = \"jt secret\"", 0o600);
        let profile = Profiles::read(&path, true).unwrap().choose(Some("a"), &path).unwrap();
        let wrong = format!("{:#}", profile.token().unwrap_err());
        assert!(!wrong.contains("secret"), "{wrong}");
    }

    #[test]
    fn a_file_that_no_option_names_need_not_be_there() {
        let nowhere = Path::new("/nowhere/config.toml");
        assert!(Profiles::read(nowhere, false).is_ok());
        assert!(Profiles::read(nowhere, true).is_err());
    }
}
