//! `--durability`.

use clap::ValueEnum;

use rules::durability::Level;

/// The level as the command line names it: the rules know no command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durability {
    /// A killed process loses nothing; a power cut may lose what was acknowledged since the last sync
    Relaxed,
    /// A power cut loses nothing: servers write to their disks before they acknowledge
    Synced,
    /// The loss of a server loses nothing: each stream has three replicas
    Replicated,
    /// Both: the loss of a server, or a power cut, loses nothing
    Full,
}

impl From<Durability> for Level {
    fn from(named: Durability) -> Self {
        match named {
            Durability::Relaxed => Self::Relaxed,
            Durability::Synced => Self::Synced,
            Durability::Replicated => Self::Replicated,
            Durability::Full => Self::Full,
        }
    }
}
