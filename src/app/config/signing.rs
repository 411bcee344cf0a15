//! The secrets that webhooks are signed with, and making new ones.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::foundation::text_file;
use crate::webhook::{Secret, Secrets};

/// The secrets that webhooks are signed with.
#[derive(Debug, Args)]
pub(crate) struct SigningSettings {
    /// File with the secrets that sign webhooks (Standard Webhooks). Each line is `*`, `host=<host[:port]>` or
    /// `token=<name>`, followed by one to four secrets, all of which sign; default: webhooks are not signed; - reads
    /// standard input
    #[arg(long, env = "JETTIMER_SIGNING_FILE", value_name = "FILE")]
    pub(crate) signing_file: Option<PathBuf>,

    /// The lines of a signing file, separated by semicolons; set this in the environment rather than on the command line
    #[arg(
        long,
        env = "JETTIMER_SIGNING_SECRETS",
        value_name = "LIST",
        hide_env_values = true,
        conflicts_with = "signing_file"
    )]
    pub(crate) signing_secrets: Option<String>,
}

impl SigningSettings {
    /// The secrets; none if none are listed.
    ///
    /// # Errors
    ///
    /// If the list cannot be read.
    pub(crate) fn secrets(&self) -> Result<Secrets> {
        let text = match (&self.signing_file, &self.signing_secrets) {
            (Some(path), _) => text_file::read(path)
                .with_context(|| format!("cannot read --signing-file {}", path.display()))?,
            (None, Some(text)) => text.clone(),
            (None, None) => return Ok(Secrets::default()),
        };
        Secrets::parse(&text).map_err(|why| anyhow::anyhow!("the list of signing secrets: {why}"))
    }
}

/// `jettimer secret`
#[derive(Debug, Args)]
pub struct NewSecret {
    /// Make a key pair (Ed25519, `v1a`): its public key can verify signatures, but not make them
    #[arg(long)]
    ed25519: bool,
}

impl NewSecret {
    /// What receivers verify with, and the line of the new secret in a list.
    ///
    /// # Errors
    ///
    /// If the system gives no random bytes.
    pub fn make(&self) -> Result<(String, String)> {
        let (private, public) = if self.ed25519 {
            Secret::new_pair()?
        } else {
            let secret = Secret::new_symmetric()?;
            (secret.clone(), secret)
        };
        Ok((public, format!("* {private}")))
    }
}
