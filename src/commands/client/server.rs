//! A server as `--server` names it: the place where requests go.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, bail, ensure};
use hyper::Uri;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};

/// The base of every URL that requests go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    scheme: Scheme,
    authority: Authority,
    /// The path before `/timer`, without a slash at its end.
    base: String,
}

impl FromStr for Server {
    type Err = anyhow::Error;

    fn from_str(url: &str) -> anyhow::Result<Self> {
        const FORM: &str = "a server is http://HOST:PORT or https://HOST";
        let parts =
            url.trim().parse::<Uri>().with_context(|| format!("this is not a URL; {FORM}"))?.into_parts();
        let scheme = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTP || scheme == Scheme::HTTPS => scheme,
            Some(_) | None => bail!("it does not begin with http:// or https://; {FORM}"),
        };
        let authority = parts.authority.with_context(|| format!("it has no host; {FORM}"))?;
        // In a URL, credentials end up in logs and histories; a token has its own setting.
        ensure!(!authority.as_str().contains('@'), "credentials do not belong in a URL: set JETTIMER_TOKEN");
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        ensure!(path.query().is_none(), "it has a query, so no path can be added to it");
        Ok(Self { scheme, authority, base: path.path().trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base)
    }
}

impl Server {
    /// The URL of a path and query below the server's base.
    ///
    /// # Errors
    ///
    /// If they do not make a URL.
    pub(super) fn at(&self, path: &str) -> anyhow::Result<Uri> {
        let path = format!("{}{path}", self.base);
        let uri =
            Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query(path);
        uri.build().context("this path and query do not make a URL")
    }

    /// Whether the server speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Host and port, as in `Host`.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The path and query of a path below the server's base.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_where_paths_are_added() {
        for (url, path) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/timer"),
            ("http://node/", "http://node/timer"),
            ("https://[::1]:9/base/", "https://[::1]:9/base/timer"),
        ] {
            assert_eq!(url.parse::<Server>().unwrap().at("/timer").unwrap().to_string(), path);
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for url in
            ["node:8000", "node", "ftp://node", "http://user@node", "http://node/?a=b", "http://", "", "/x"]
        {
            assert!(url.parse::<Server>().is_err(), "{url} was let through");
        }
    }
}
