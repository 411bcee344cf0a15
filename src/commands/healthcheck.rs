//! `jettimer healthcheck`: asks a node whether it is healthy, so that an image needs no curl.

use std::time::Duration;

use anyhow::{Context as _, Result};
use hyper::Method;
use url::Url;

use crate::commands::client::{Access, Ask, Client, Server};
use crate::commands::options::Healthcheck;

/// How long an answer may take: health checks of orchestrators time out after seconds, too.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks the node that the command line names.
///
/// # Errors
///
/// If the answer is not a 2xx, or if none comes.
pub async fn run(args: &Healthcheck) -> Result<()> {
    let fallback = format!("http://127.0.0.1:{}/healthz", args.listen.port());
    let text = args.url.as_deref().unwrap_or(&fallback);
    let url = Url::parse(text).with_context(|| format!("{text} is not a URL"))?;
    let server: Server = url.origin().ascii_serialization().parse().with_context(|| text.to_owned())?;
    let client = Client::new(Access { server, token: None, ca: None }, TIMEOUT)?;
    client.send(Ask::new(Method::GET, &url[url::Position::BeforePath..url::Position::AfterQuery])).await?;
    Ok(())
}
