//! What an acknowledged timer survives: what was asked for, compared with what can be seen of the servers.
//!
//! It judges and does nothing about it: servers are the operator's, and a node that found them weak and refused to work
//! would lose more than the weakness does. What a node's user may not see is said not to be known, never guessed.

use std::time::Duration;

/// Fewer replicas do not survive the loss of a server: a majority has to be left.
const ENOUGH_REPLICAS: usize = 3;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A killed process loses nothing; a power cut may lose what was acknowledged since the last sync.
    Relaxed,
    /// A power cut loses nothing: servers write to their disks before they acknowledge.
    Synced,
    /// The loss of a server loses nothing: each stream has three replicas.
    Replicated,
    /// Both: the loss of a server, or a power cut, loses nothing.
    Full,
}

impl Level {
    /// The level that is asked for if only the number of replicas is given: a single server cannot be more than
    /// it is, and three are there so that nothing is lost.
    pub fn of(replicas: usize) -> Self {
        if replicas >= ENOUGH_REPLICAS { Self::Full } else { Self::Relaxed }
    }

    fn wants_replicas(self) -> bool {
        matches!(self, Self::Replicated | Self::Full)
    }

    fn wants_sync(self) -> bool {
        matches!(self, Self::Synced | Self::Full)
    }
}

/// When a server writes to its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before it acknowledges.
    Always,
    /// So often, whatever was acknowledged in between.
    Every(Duration),
}

/// A server's version, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// As the server says it.
    pub text: String,
    /// Whether it neither loses nor doubles timers.
    pub works: bool,
    /// Whether `sync_interval: always` writes through everything that it stores.
    pub syncs: bool,
}

/// A server, as far as it can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub name: String,
    /// `None` if this node's user cannot see it.
    pub version: Option<Version>,
    /// When it syncs; `None` if this node's user cannot see that.
    pub sync: Option<SyncPolicy>,
}

/// A stream that timers are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    pub name: &'static str,
    /// The number of replicas that it is configured to have.
    pub replicas: usize,
}

/// The servers and streams, as far as they can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The servers that have the streams, and the one that this node is connected to.
    pub servers: Vec<Server>,
    /// The streams of which JetStream has said something.
    pub streams: Vec<Stream>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Version,
    Replicas,
    /// When servers write to their disks.
    Sync,
}

impl Check {
    /// All, in the order in which they are judged.
    pub const EACH: [Self; 3] = [Self::Version, Self::Replicas, Self::Sync];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Replicas => "replicas",
            Self::Sync => "sync",
        }
    }
}

/// The result of a check, compared with the [`Level`] that the operator asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Met,
    /// This node's user cannot see it.
    Unseen,
    /// Less than was asked for.
    Weaker,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Unseen => "unseen",
            Self::Weaker => "weaker",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub check: Check,
    /// The worst verdict of all servers or streams.
    pub verdict: Verdict,
    /// For people: each value, with the servers or streams that have it.
    pub detail: String,
    /// What to do, if it is not as asked for.
    pub cure: Option<&'static str>,
}

/// Compares, in this order: versions, replicas, sync.
pub fn judge(asked: Level, seen: &Seen) -> [Finding; 3] {
    [version(asked, seen), replicas(asked, seen), sync(asked, seen)]
}

fn version(asked: Level, seen: &Seen) -> Finding {
    let of = |server: &Server| match &server.version {
        Some(Version { text, works, syncs }) => {
            let enough = *works && (*syncs || !asked.wants_sync());
            (if enough { Verdict::Met } else { Verdict::Weaker }, text.clone())
        }
        None => (Verdict::Unseen, "not visible".to_owned()),
    };
    let cure = |verdict| match verdict {
        Verdict::Met => None,
        Verdict::Unseen => Some(IMPORT),
        Verdict::Weaker => Some(
            "upgrade nats-server: before 2.14.4 timers can be lost, doubled or refused; before 2.15 sync_interval: always does \
             not cover everything, which --durability synced and full ask for",
        ),
    };
    told(Check::Version, of_each(&seen.servers, |server| &server.name, of), cure)
}

fn replicas(asked: Level, seen: &Seen) -> Finding {
    let of = |stream: &Stream| {
        let enough = !asked.wants_replicas() || stream.replicas >= ENOUGH_REPLICAS;
        (if enough { Verdict::Met } else { Verdict::Weaker }, stream.replicas.to_string())
    };
    let cure = |verdict| match verdict {
        Verdict::Met => None,
        Verdict::Unseen => Some("check whether JetStream answers: GET /readyz shows it"),
        Verdict::Weaker => Some(
            "with three servers: nats stream edit NAME --replicas=3; or ask for less with --durability, \
             if losing a server may lose timers",
        ),
    };
    told(Check::Replicas, of_each(&seen.streams, |stream| stream.name, of), cure)
}

fn sync(asked: Level, seen: &Seen) -> Finding {
    let of = |server: &Server| match server.sync {
        Some(SyncPolicy::Always) => (Verdict::Met, "before it acknowledges".to_owned()),
        Some(SyncPolicy::Every(interval)) => {
            let verdict = if asked.wants_sync() { Verdict::Weaker } else { Verdict::Met };
            let interval = humantime::format_duration(interval);
            (verdict, format!("every {interval}, and a power cut may lose that much"))
        }
        None => (Verdict::Unseen, "not visible".to_owned()),
    };
    let cure = |verdict| match verdict {
        Verdict::Met => None,
        Verdict::Unseen => Some(IMPORT),
        Verdict::Weaker => Some(
            "set jetstream { sync_interval: always } at each server; or ask for less with --durability, \
             if a power cut may lose timers",
        ),
    };
    told(Check::Sync, of_each(&seen.servers, |server| &server.name, of), cure)
}

/// The account of a node's user does not see the servers by itself.
const IMPORT: &str = "have the system account export $SYS.REQ.SERVER.PING.VARZ to jettimer's, as nats/accounts.conf does, \
     or look yourself: docs/nats.md, \"What survives what\"";

/// The worst of all, and each by its name; those that are alike together.
fn of_each<'a, T>(
    all: &'a [T],
    name: impl Fn(&'a T) -> &'a str,
    of: impl Fn(&T) -> (Verdict, String),
) -> (Verdict, String) {
    let mut worst = Verdict::Met;
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for one in all {
        let (verdict, words) = of(one);
        worst = worst.max(verdict);
        match groups.iter_mut().find(|(known, _)| *known == words) {
            Some((_, names)) => names.push(name(one)),
            None => groups.push((words, vec![name(one)])),
        }
    }
    if groups.is_empty() {
        return (Verdict::Unseen, "none visible".to_owned());
    }
    let told = groups.iter().map(|(words, names)| format!("{}: {words}", names.join(", ")));
    (worst, told.collect::<Vec<_>>().join("; "))
}

fn told(
    check: Check,
    (verdict, detail): (Verdict, String),
    cure: impl Fn(Verdict) -> Option<&'static str>,
) -> Finding {
    Finding { check, verdict, detail, cure: cure(verdict) }
}

#[cfg(test)]
mod tests;
