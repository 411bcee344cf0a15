//! The key with the name of the installation that has the streams, so that a node of another installation is recognised.

use serde::{Deserialize, Serialize};

use super::keys;
use crate::nats::connection::link::Link;
use crate::nats::error::NatsError;
use crate::nats::names::INSTALLATION_SUBJECT;

const VERSION: u32 = 1;

#[derive(Deserialize, Serialize)]
struct InstallationJson {
    v: u32,
    name: String,
}

/// The name of the installation that has the streams; `None` if no name was ever noted, or this version cannot read it.
pub async fn installation(link: &Link) -> Result<Option<String>, NatsError> {
    Ok(read(&keys::read(link, INSTALLATION_SUBJECT).await?.0))
}

/// Notes the name unless one is noted already that this version can read; gives the name that is there then.
///
/// # Errors
///
/// With [`NatsError::Unclear`], the name may be noted anyway; calling again tells.
pub async fn found_installation(link: &Link, name: &str) -> Result<Option<String>, NatsError> {
    let (json, revision) = keys::read(link, INSTALLATION_SUBJECT).await?;
    if let Some(name) = read(&json) {
        return Ok(Some(name));
    }
    let json = InstallationJson { v: VERSION, name: name.to_owned() };
    let json = serde_json::to_vec(&json).unwrap_or_default();
    match keys::put(link, INSTALLATION_SUBJECT, json, revision).await? {
        Some(_) => Ok(Some(name.to_owned())),
        // Another node was faster.
        None => installation(link).await,
    }
}

fn read(json: &[u8]) -> Option<String> {
    let json: InstallationJson = serde_json::from_slice(json).ok()?;
    (json.v == VERSION).then_some(json.name)
}
