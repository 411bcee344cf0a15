//! One of our certificates, read again when its files change, so that a node shows a new one without a restart.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::tls::Offers;
use crate::foundation::crypto::Authorities;
use crate::webhook::settings::Identity;
use rules::policy::{Destination, Rule};

/// How often the files are checked, if there are connections to make.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The certificate, for the receivers that its rule fits.
pub(super) struct Shown {
    identity: Identity,
    read: Mutex<Read>,
}

/// The certificate as it was read.
struct Read {
    offers: Offers,
    /// The state of the files before they were last read, whether that went well or not.
    files: [Option<State>; 2],
    looked: Instant,
}

/// The parts of a file's metadata that change with it: its instant of change in seconds and nanoseconds, its length, and its inode.
type State = (i64, i64, u64, u64);

impl Shown {
    /// Reads the certificate for the first time.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or the two are not a pair.
    pub(super) fn new(identity: &Identity, authorities: &Authorities) -> Result<Self> {
        let identity = identity.clone();
        let (files, looked) = (states(&identity), Instant::now());
        let offers = Offers::of(authorities.identified(&identity.cert, &identity.key)?);
        Ok(Self { identity, read: Mutex::new(Read { offers, files, looked }) })
    }

    pub(super) fn fits(&self, to: &Destination) -> bool {
        let rule: &Rule = &self.identity.receivers;
        rule.fits_url(to)
    }

    /// The setups that show the certificate. If the changed files cannot be used, the previous certificate is shown.
    pub(super) fn offers(&self, authorities: &Authorities) -> Offers {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now.saturating_duration_since(read.looked) >= LOOK_EVERY {
            read.looked = now;
            self.look(&mut read, authorities);
        }
        read.offers.clone()
    }

    fn look(&self, read: &mut Read, authorities: &Authorities) {
        let files = states(&self.identity);
        if files == read.files {
            return;
        }
        // If the files change while they are read, they are read once more.
        read.files = files;
        let cert = self.identity.cert.display();
        match authorities.identified(&self.identity.cert, &self.identity.key) {
            Ok(tls) => {
                read.offers = Offers::of(tls);
                tracing::info!(%cert, "new connections use the changed certificate of --target-identity");
            }
            Err(error) => tracing::warn!(
                %cert,
                error = format!("{error:#}"),
                "the changed files of --target-identity cannot be used, so new connections use the earlier certificate; put a certificate and its key there"
            ),
        }
    }
}

fn states(identity: &Identity) -> [Option<State>; 2] {
    [&identity.cert, &identity.key].map(|path| state(path))
}

fn state(path: &Path) -> Option<State> {
    let of = |it: Metadata| (it.mtime(), it.mtime_nsec(), it.len(), it.ino());
    std::fs::metadata(path).ok().map(of)
}
