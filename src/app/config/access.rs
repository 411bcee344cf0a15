//! Settings of who may use the API.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use clap::builder::BoolishValueParser;

use crate::api::access::{Permissions, parse};
use crate::foundation::text_file;
use rules::domain::rate::Rate;

const CONTRADICTION: &str = "--insecure-no-auth and tokens contradict each other: give one of them";

/// Who may use the API.
#[derive(Debug, Args)]
pub(crate) struct AccessSettings {
    /// File with the tokens, one per line as `jettimer token` prints them; - reads standard input
    #[arg(long, env = "JETTIMER_TOKENS_FILE", value_name = "FILE", conflicts_with = "tokens")]
    tokens_file: Option<PathBuf>,

    /// The lines of a tokens file, separated by semicolons
    #[arg(long, env = "JETTIMER_TOKENS", value_name = "LINES", hide_env_values = true)]
    tokens: Option<String>,

    /// Let anyone who can reach the API do everything
    #[arg(long, env = "JETTIMER_INSECURE_NO_AUTH", value_parser = BoolishValueParser::new())]
    insecure_no_auth: bool,

    /// How often each token may be used at this node, such as 100/s, 600/m or 5000/h; default: no limit
    #[arg(long, env = "JETTIMER_RATE_LIMIT", value_name = "RATE")]
    rate_limit: Option<Rate>,
}

impl AccessSettings {
    /// Who may use the API of a node that is open only if that is said.
    ///
    /// # Errors
    ///
    /// If nothing is said, or two things that contradict each other, or the list cannot be read.
    pub(crate) fn required(&self) -> Result<Permissions> {
        match (self.listed()?, self.insecure_no_auth) {
            (Some(permissions), false) => Ok(permissions),
            (None, true) => Ok(Permissions::open(self.rate_limit)),
            (Some(_), true) => bail!("{CONTRADICTION}"),
            (None, false) => bail!(
                "the API has no tokens yet, so it would refuse every request: list tokens with --tokens-file \
                 (`jettimer token NAME` makes one), or open the API to anyone who can reach it with \
                 --insecure-no-auth"
            ),
        }
    }

    /// Who may use the API of a node that is open unless tokens are listed.
    ///
    /// # Errors
    ///
    /// If the list cannot be read.
    pub(crate) fn optional(&self) -> Result<Permissions> {
        Ok(self.listed()?.unwrap_or_else(|| Permissions::open(self.rate_limit)))
    }

    /// Who may use the API of `jettimer dev`, which is open on this machine unless tokens are listed.
    ///
    /// # Errors
    ///
    /// If it would be open beyond this machine and that is not said, if two things contradict each other, or if the list
    /// cannot be read.
    pub(crate) fn of_dev(&self, listen: SocketAddr) -> Result<Permissions> {
        match (self.listed()?, self.insecure_no_auth) {
            (Some(permissions), false) => Ok(permissions),
            (Some(_), true) => bail!("{CONTRADICTION}"),
            (None, open) if open || listen.ip().to_canonical().is_loopback() => {
                Ok(Permissions::open(self.rate_limit))
            }
            (None, _) => bail!(
                "anyone who can reach {listen} could make this machine call URLs: list tokens with --tokens-file \
                 (`jettimer token NAME` makes one), listen on 127.0.0.1, or open the API to anyone with \
                 --insecure-no-auth"
            ),
        }
    }

    fn listed(&self) -> Result<Option<Permissions>> {
        let text = match (&self.tokens_file, &self.tokens) {
            (Some(path), _) => text_file::read(path)
                .with_context(|| format!("cannot read --tokens-file {}", path.display()))?,
            (None, Some(text)) => text.clone(),
            (None, None) => return Ok(None),
        };
        let tokens = parse(&text).map_err(|why| anyhow::anyhow!("the list of tokens: {why}"))?;
        Ok(Some(Permissions::of_tokens(tokens, self.rate_limit)))
    }
}
