//! The nats-servers that store the timers of a run: their number, and how they write.

use serde::{Deserialize, Serialize};

/// The nats-servers of a run.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Profile {
    /// One server with nats/single.conf: one replica, `sync_interval: 1s`.
    One,
    /// Three servers and three replicas that sync as seldom as NATS does by default.
    Three,
    /// Three servers with nats/cluster.conf: three replicas, `sync_interval: always`.
    #[default]
    Production,
}

impl Profile {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::One, Self::Three, Self::Production];

    /// The profile of a seed: any three seeds in a row have all of them.
    pub(crate) fn of(seed: u64) -> Self {
        match seed % 3 {
            0 => Self::One,
            1 => Self::Three,
            _ => Self::Production,
        }
    }

    /// How many nats-servers it has, which is also how many replicas.
    pub(crate) fn servers(self) -> usize {
        match self {
            Self::One => 1,
            Self::Three | Self::Production => super::SERVERS,
        }
    }

    /// Its name in files and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Three => "three",
            Self::Production => "production",
        }
    }
}
