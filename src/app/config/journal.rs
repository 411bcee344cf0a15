//! Settings of the journal of calls.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use crate::app::embedded;

/// Where a node notes how far its calls have come.
#[derive(Debug, Args)]
pub(crate) struct JournalSettings {
    /// Directory for the journal of calls, which shows after a crash which requests were never sent, so that their timers
    /// do not become unknown. A restarted process must find it again; it takes about 5 KB for each call of --max-calls;
    /// off for none; default: journal in --data-dir
    #[arg(long, env = "JETTIMER_JOURNAL_DIR", value_name = "DIR")]
    pub(crate) journal_dir: Option<Place>,
}

/// A directory, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Off,
    Dir(PathBuf),
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "off" { Self::Off } else { Self::Dir(text.into()) })
    }
}

impl JournalSettings {
    /// The directory, if there is to be a journal.
    pub(crate) fn dir(&self, data_dir: &Path) -> Option<PathBuf> {
        match &self.journal_dir {
            Some(Place::Off) => None,
            Some(Place::Dir(dir)) => Some(dir.clone()),
            None => Some(data_dir.join(embedded::JOURNAL_DIR)),
        }
    }
}
