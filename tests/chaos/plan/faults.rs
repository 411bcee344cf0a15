//! What is broken, when, and for how long; as it is drawn from a seed and written in files.

use std::fmt;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::{NODES, Profile, RECEIVERS, SERVERS, backup, weighted};

/// Faults begin in this span after the start of the load, in milliseconds: while timers are created and come due.
const FIRST_MS: u32 = 300;
const LAST_MS: u32 = 6_500;

/// How long one lasts, in milliseconds. A change of leader takes 2 to 9 s, so some end before it and some after.
const SHORTEST_MS: u32 = 200;
const LONGEST_MS: u32 = 4_000;

/// How long a node is stopped or cut off from NATS now and then, in milliseconds: longer than a lease (3 s and 15 s), so that
/// others take over what it has claimed, and it comes back.
const PAST_A_LEASE_MS: std::ops::RangeInclusive<u32> = 19_000..=22_000;

/// One in so many that could be is as long as that.
const LONG_ONE_IN: u32 = 5;

/// The most faults of a run.
const MOST: usize = 6;

/// The largest step of a clock, in milliseconds: more than the 15 s by which a lease outlasts its call.
const HARDEST_MS: i64 = 20_000;

/// One fault: it begins, lasts, and is undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// After the start of the load.
    pub(crate) at_ms: u32,
    pub(crate) for_ms: u32,
    pub(crate) what: What,
}

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum What {
    /// SIGKILL; it is started again when the fault ends.
    KillNode {
        node: usize,
    },
    /// SIGSTOP, and SIGCONT when the fault ends.
    StopNode {
        node: usize,
    },
    /// SIGTERM; it is started again when the fault ends.
    RestartNode {
        node: usize,
    },
    /// A node's clock is off by so much.
    Clock {
        node: usize,
        ahead_ms: i64,
    },
    KillServer {
        which: Which,
    },
    StopServer {
        which: Which,
    },
    RestartServer {
        which: Which,
    },
    /// No other server reaches it nor is reached by it; clients do.
    IsolateServer {
        which: Which,
    },
    /// Its disk is full; when the fault ends there is room again, and it is started again.
    FillDisk {
        which: Which,
    },
    StepDown {
        of: Of,
    },
    /// What lies between a node and a peer.
    Link {
        node: usize,
        to: Peer,
        how: LinkTrouble,
    },
    Receiver {
        receiver: usize,
        how: ReceiverTrouble,
    },
    /// SIGKILL of the only server, once timers have been called and cancelled, have left, and the store is compacted. It has
    /// a load of its own, and finished timers stay for two seconds only.
    KillAfterLeaving {
        /// How many timers in a row are due soon, before others follow.
        run: u32,
        nodes: Nodes,
    },
    /// A copy of the only server's data is made when the fault begins, and put back when it ends. It has a load of its
    /// own.
    RestoreBackup {
        copied: Copied,
        nodes: Nodes,
    },
}

/// What nodes do when the server is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Nodes {
    /// They go on.
    Live,
    /// Once all are ready they are restarted, one after the other.
    Restart,
    /// They are killed with the server, and started after it.
    Die,
}

/// How a server's data is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Copied {
    /// While the server is stopped in order: SIGTERM, and started again.
    Stopped,
    /// While it runs, as a snapshot of its volume: it stands still meanwhile.
    Running,
}

/// Which nats-servers: found out when the fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Which {
    Leader(Of),
    /// One that does not lead it.
    Follower(Of),
    All,
}

/// What has a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    Records,
    Wakes,
    Consumer,
}

/// The far end of a node's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Peer {
    Server(usize),
    Servers,
    Receiver(usize),
}

/// How a link is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LinkTrouble {
    /// Connections are closed, new ones refused.
    Cut,
    /// A partition: connections stay, and nothing comes through.
    Stall,
    /// Each piece takes so much longer.
    DelayMs(u32),
    /// The node's side of each connection is closed; answers still come through.
    HalfClose,
}

/// How a receiver is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReceiverTrouble {
    /// It answers 503.
    Fails,
    /// It answers nothing.
    Hangs,
    /// It closes the connection without an answer.
    Resets,
}

impl What {
    /// Every kind, by its name in files.
    pub(crate) const KINDS: [&'static str; 14] = [
        "kill_node",
        "stop_node",
        "restart_node",
        "clock",
        "kill_server",
        "stop_server",
        "restart_server",
        "isolate_server",
        "fill_disk",
        "step_down",
        "link",
        "receiver",
        "kill_after_leaving",
        "restore_backup",
    ];

    /// Its kind's name in files.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::KillNode { .. } => "kill_node",
            Self::StopNode { .. } => "stop_node",
            Self::RestartNode { .. } => "restart_node",
            Self::Clock { .. } => "clock",
            Self::KillServer { .. } => "kill_server",
            Self::StopServer { .. } => "stop_server",
            Self::RestartServer { .. } => "restart_server",
            Self::IsolateServer { .. } => "isolate_server",
            Self::FillDisk { .. } => "fill_disk",
            Self::StepDown { .. } => "step_down",
            Self::Link { .. } => "link",
            Self::Receiver { .. } => "receiver",
            Self::KillAfterLeaving { .. } => "kill_after_leaving",
            Self::RestoreBackup { .. } => "restore_backup",
        }
    }

    /// Whether the run has a load that is made for it.
    pub(crate) fn has_a_load(&self) -> bool {
        matches!(self, Self::KillAfterLeaving { .. } | Self::RestoreBackup { .. })
    }

    /// Whether it can come about in this profile.
    pub(crate) fn fits(&self, profile: Profile) -> bool {
        let alone = profile.servers() == 1;
        match self {
            Self::IsolateServer { .. } | Self::StepDown { .. } => !alone,
            Self::KillServer { which }
            | Self::StopServer { which }
            | Self::RestartServer { which }
            | Self::FillDisk { which } => !alone || *which == Which::All,
            Self::Link { to: Peer::Server(server), .. } => *server < profile.servers(),
            Self::KillAfterLeaving { .. } => alone,
            // Where all nodes die as well, nothing is left that knows of what came after the backup.
            Self::RestoreBackup { nodes, .. } => alone && *nodes != Nodes::Die,
            Self::KillNode { .. }
            | Self::StopNode { .. }
            | Self::RestartNode { .. }
            | Self::Clock { .. }
            | Self::Link { .. }
            | Self::Receiver { .. } => true,
        }
    }

    /// The same with the only server in the place of whichever is meant.
    fn of_the_only_server(self) -> Self {
        let which = Which::All;
        match self {
            Self::KillServer { .. } => Self::KillServer { which },
            Self::StopServer { .. } => Self::StopServer { which },
            Self::RestartServer { .. } => Self::RestartServer { which },
            Self::FillDisk { .. } => Self::FillDisk { which },
            Self::Link { node, to: Peer::Server(_), how } => Self::Link { node, to: Peer::Server(0), how },
            other => other,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// Draws the faults of a run, in the order in which they begin. One of three runs with one server has a fault with a load
/// of its own, and no other.
pub(super) fn of(rng: &mut Rng, profile: Profile) -> Vec<Fault> {
    if profile == Profile::One && rng.u32(0..3) == 0 {
        return vec![if rng.bool() { kill_after_leaving(rng) } else { restore_backup(rng) }];
    }
    let mut faults: Vec<Fault> = (0..rng.usize(1..=MOST)).map(|_| fault(rng, profile)).collect();
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}

fn kill_after_leaving(rng: &mut Rng) -> Fault {
    let run = {
        let batch = rng.u32(20..=80);
        weighted(rng, &[(1, 1), (1, batch)])
    };
    let nodes = weighted(rng, &[(2, Nodes::Live), (1, Nodes::Restart), (1, Nodes::Die)]);
    let for_ms = rng.u32(SHORTEST_MS..=LONGEST_MS);
    Fault { at_ms: 0, for_ms, what: What::KillAfterLeaving { run, nodes } }
}

fn restore_backup(rng: &mut Rng) -> Fault {
    let copied = weighted(rng, &[(1, Copied::Stopped), (1, Copied::Running)]);
    let nodes = weighted(rng, &[(1, Nodes::Live), (1, Nodes::Restart)]);
    let (at_ms, for_ms) = (backup::MADE_MS, backup::BACK_MS - backup::MADE_MS);
    Fault { at_ms, for_ms, what: What::RestoreBackup { copied, nodes } }
}

fn fault(rng: &mut Rng, profile: Profile) -> Fault {
    let at_ms = rng.u32(FIRST_MS..=LAST_MS);
    let what = loop {
        let drawn = what(rng);
        let drawn = if profile.servers() == 1 { drawn.of_the_only_server() } else { drawn };
        if drawn.fits(profile) {
            break drawn;
        }
    };
    let parts_a_node = matches!(what, What::StopNode { .. } | What::Link { to: Peer::Servers, .. });
    let is_long = parts_a_node && rng.u32(0..LONG_ONE_IN) == 0;
    let for_ms = rng.u32(if is_long { PAST_A_LEASE_MS } else { SHORTEST_MS..=LONGEST_MS });
    Fault { at_ms, for_ms, what }
}

fn what(rng: &mut Rng) -> What {
    let (node, which, of) = (rng.usize(0..NODES), which(rng), of_what(rng));
    let link = What::Link { node, to: peer(rng), how: link_trouble(rng) };
    let clock = What::Clock { node, ahead_ms: ahead_ms(rng) };
    let receiver = What::Receiver { receiver: rng.usize(0..RECEIVERS), how: receiver_trouble(rng) };
    let choices = [
        (7, What::KillNode { node }),
        (6, What::StopNode { node }),
        (4, What::RestartNode { node }),
        (5, clock),
        (6, What::KillServer { which }),
        (4, What::StopServer { which }),
        (2, What::RestartServer { which }),
        (3, What::IsolateServer { which }),
        (2, What::FillDisk { which }),
        (4, What::StepDown { of }),
        (9, link),
        (4, receiver),
    ];
    weighted(rng, &choices)
}

fn which(rng: &mut Rng) -> Which {
    let of = of_what(rng);
    weighted(rng, &[(4, Which::Leader(of)), (2, Which::Follower(of)), (1, Which::All)])
}

fn of_what(rng: &mut Rng) -> Of {
    weighted(rng, &[(2, Of::Records), (2, Of::Wakes), (1, Of::Consumer)])
}

fn peer(rng: &mut Rng) -> Peer {
    let (server, receiver) = (rng.usize(0..SERVERS), rng.usize(0..RECEIVERS));
    weighted(rng, &[(2, Peer::Server(server)), (3, Peer::Servers), (2, Peer::Receiver(receiver))])
}

fn link_trouble(rng: &mut Rng) -> LinkTrouble {
    let delay = LinkTrouble::DelayMs(rng.u32(20..=600));
    weighted(rng, &[(3, LinkTrouble::Cut), (3, LinkTrouble::Stall), (2, delay), (2, LinkTrouble::HalfClose)])
}

fn receiver_trouble(rng: &mut Rng) -> ReceiverTrouble {
    weighted(rng, &[(3, ReceiverTrouble::Fails), (2, ReceiverTrouble::Hangs), (2, ReceiverTrouble::Resets)])
}

/// Some within what clocks may differ by (2 s), some far beyond.
fn ahead_ms(rng: &mut Rng) -> i64 {
    let most = weighted(rng, &[(3, 2_000), (2, HARDEST_MS)]);
    let ahead = rng.i64(50..=most);
    if rng.bool() { ahead } else { -ahead }
}
