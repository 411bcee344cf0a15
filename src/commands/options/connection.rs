//! Which jettimer a command asks, and as whom: options, the environment, or a profile of a file.
//!
//! A token is never an option: any user who lists processes would see it.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::profiles::{Profile, Profiles};
use crate::commands::client::{Access, Server, Token};

/// Where `jettimer dev` and `jettimer serve` listen unless they are told otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8000";

/// Which jettimer is asked.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which jettimer")]
pub struct Connection {
    /// URL of jettimer; default: the profile's server, or else http://127.0.0.1:8000
    #[arg(long, env = "JETTIMER_SERVER", value_name = "URL")]
    server: Option<Server>,

    /// PEM file of CA certificates to trust in addition to the system's
    #[arg(long, env = "JETTIMER_CA", value_name = "FILE")]
    ca: Option<PathBuf>,

    #[command(flatten)]
    chosen: Chosen,
}

/// Which profile is used.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which jettimer")]
pub struct Chosen {
    /// The profile to use, with its server and token. A token can also be set in JETTIMER_TOKEN, but not by an option
    #[arg(long, env = "JETTIMER_PROFILE", value_name = "NAME")]
    profile: Option<String>,

    /// The file with the profiles; default: jettimer/config.toml in XDG_CONFIG_HOME or ~/.config
    #[arg(long, env = "JETTIMER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What a client takes from its environment beside its options.
#[derive(Debug, Default)]
pub struct Surroundings {
    token: Option<OsString>,
    config_home: Option<OsString>,
    home: Option<OsString>,
}

impl Surroundings {
    /// Those of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is config: a token has no option, so clap does not read it"
    )]
    pub fn of_process() -> Self {
        let var = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self { token: var("JETTIMER_TOKEN"), config_home: var("XDG_CONFIG_HOME"), home: var("HOME") }
    }

    fn token(&self) -> Result<Option<Token>> {
        let Some(token) = &self.token else { return Ok(None) };
        Token::new(token.to_str().unwrap_or("?\n?")).context("JETTIMER_TOKEN")
    }

    /// Where profiles are, unless it is said (XDG Base Directory Specification).
    fn config(&self) -> Option<PathBuf> {
        let config_home = self.config_home.as_ref().map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || Some(PathBuf::from(self.home.as_ref()?).join(".config"));
        Some(config_home.or_else(home)?.join("jettimer").join("config.toml"))
    }
}

impl Connection {
    /// Where to ask and as whom.
    ///
    /// # Errors
    ///
    /// If settings contradict each other, or a profile cannot be had.
    pub fn access(&self, around: &Surroundings) -> Result<Access> {
        let profile = self.chosen.profile(around, self.server.is_some())?;
        let server = match (&self.server, profile.server()?) {
            (Some(server), _) => server.clone(),
            (None, Some(server)) => server,
            (None, None) => DEFAULT_SERVER.parse()?,
        };
        let token = around.token()?;
        let token = if token.is_some() { token } else { profile.token()? };
        Ok(Access { server, token, ca: self.ca.clone().or(profile.ca) })
    }
}

impl Chosen {
    /// The profile to use: the one that is named, or else the file's own choice; none beside a server that is named, so
    /// that no token goes to a server that it is not of.
    fn profile(&self, around: &Surroundings, server_is_named: bool) -> Result<Profile> {
        match &self.profile {
            Some(name) if server_is_named => bail!(
                "--profile {name} already names a server, and --server (or JETTIMER_SERVER) names another: leave out \
                 one"
            ),
            None if server_is_named => Ok(Profile::default()),
            wanted => {
                let default = around.config();
                let Some(path) = self.config.as_ref().or(default.as_ref()) else {
                    return Ok(Profile::default());
                };
                let profiles = Profiles::read(path, self.config.is_some() || wanted.is_some())?;
                profiles.choose(wanted.as_deref(), path)
            }
        }
    }

    /// The servers and the token of who asks several: those that are named, or else the profile's.
    ///
    /// # Errors
    ///
    /// As for one.
    pub fn accesses(&self, servers: &[Server], around: &Surroundings) -> Result<Vec<Access>> {
        let mut named = servers.iter().cloned().map(Some).collect::<Vec<_>>();
        if named.is_empty() {
            named.push(None);
        }
        let one = |server| Connection { server, ca: None, chosen: self.clone() }.access(around);
        named.into_iter().map(one).collect()
    }
}
