//! `jettimer token`: makes a token, and the line by which a node knows it.

use anyhow::Result;
use clap::Args;

use crate::api::access::{Scope, check_name, random, scope};
use crate::foundation::crypto::sha256_hex;
use rules::domain::rate::Rate;

/// `jettimer token`
#[derive(Debug, Args)]
pub struct NewToken {
    /// Name of the token in logs and errors
    #[arg(value_parser = name)]
    name: String,
    /// Scopes of the token: read, write, admin (everything), read-body
    #[arg(long, value_delimiter = ',', default_value = "read,write", value_parser = scope)]
    scopes: Vec<Scope>,
    /// Rate limit of the token, such as 100/s
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
}

fn name(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.to_owned())
}

impl NewToken {
    /// The new token, and its line in a list of tokens.
    ///
    /// # Errors
    ///
    /// If the system has no randomness.
    pub fn make(&self) -> Result<(String, String)> {
        let token = random().map_err(|_| anyhow::anyhow!("the system returned no random bytes"))?;
        let scopes: Vec<&str> = self.scopes.iter().map(|scope| scope.name()).collect();
        let rate = self.rate.map(|rate| format!(" rate={rate}")).unwrap_or_default();
        let line =
            format!("{} {} sha256:{}{rate}", self.name, scopes.join(","), sha256_hex(token.as_bytes()));
        Ok((token, line))
    }
}
