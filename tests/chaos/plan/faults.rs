//! The faults of a run as files have them: kind, start and length.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Profile;

/// One fault: it begins, lasts, and is undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// After the start of the load.
    pub(crate) at_ms: u32,
    pub(crate) for_ms: u32,
    pub(crate) what: What,
}

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum What {
    /// SIGKILL; the run starts it again when the fault ends.
    KillNode {
        node: usize,
    },
    /// SIGSTOP, and SIGCONT when the fault ends.
    StopNode {
        node: usize,
    },
    /// SIGTERM; the run starts it again when the fault ends.
    RestartNode {
        node: usize,
    },
    /// A node's clock is off by this much.
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
    /// The server and the other servers cannot reach each other; clients still reach it.
    IsolateServer {
        which: Which,
    },
    /// The server's disk is full. When the fault ends, it has room again, and the run restarts the server.
    FillDisk {
        which: Which,
    },
    StepDown {
        of: Of,
    },
    /// A fault of the link between a node and a peer.
    Link {
        node: usize,
        to: Peer,
        how: LinkTrouble,
    },
    Receiver {
        receiver: usize,
        how: ReceiverTrouble,
    },
    /// SIGKILL of the only server, once timers have been called and cancelled, have left, and the store is compacted. It
    /// has its own load, and finished timers stay for two seconds only.
    KillAfterLeaving {
        /// How many timers in a row are due soon, before others follow.
        run: u32,
        nodes: Nodes,
    },
    /// A copy of the only server's data is made when the fault begins, and put back when it ends. It has its own load.
    RestoreBackup {
        copied: Copied,
        nodes: Nodes,
    },
}

/// The behaviour of the nodes when the server starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Nodes {
    /// The nodes go on.
    Live,
    /// Once all nodes are ready, they are restarted one after the other.
    Restart,
    /// The nodes are killed with the server, and started after it.
    Die,
}

/// How a server's data is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Copied {
    /// While the server is down: it gets SIGTERM, and is started again.
    Stopped,
    /// While the server runs, like a snapshot of its volume: it is stopped by SIGSTOP meanwhile.
    Running,
}

/// The nats-servers that a fault hits, determined when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Which {
    Leader(Of),
    /// A server that does not lead it.
    Follower(Of),
    All,
}

/// A replicated group with a leader.
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
    /// A partition: connections stay open, and nothing comes through.
    Stall,
    /// Each piece is delayed by this much.
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

    /// Whether this kind has its own load.
    pub(crate) fn has_a_load(&self) -> bool {
        matches!(self, Self::KillAfterLeaving { .. } | Self::RestoreBackup { .. })
    }

    /// Whether this kind is possible in this profile.
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
            // If all nodes die as well, no party remembers the events after the backup.
            Self::RestoreBackup { nodes, .. } => alone && *nodes != Nodes::Die,
            Self::KillNode { .. }
            | Self::StopNode { .. }
            | Self::RestartNode { .. }
            | Self::Clock { .. }
            | Self::Link { .. }
            | Self::Receiver { .. } => true,
        }
    }

    /// The same fault, with the only server in place of any other choice.
    pub(super) fn of_the_only_server(self) -> Self {
        let which = Which::All;
        match self {
            Self::KillServer { .. } => Self::KillServer { which },
            Self::StopServer { .. } => Self::StopServer { which },
            Self::RestartServer { .. } => Self::RestartServer { which },
            Self::FillDisk { .. } => Self::FillDisk { which },
            Self::Link { node, to: Peer::Server(_), how } => Self::Link { node, to: Peer::Server(0), how },
            Self::KillNode { .. }
            | Self::StopNode { .. }
            | Self::RestartNode { .. }
            | Self::Clock { .. }
            | Self::IsolateServer { .. }
            | Self::StepDown { .. }
            | Self::Link { .. }
            | Self::Receiver { .. }
            | Self::KillAfterLeaving { .. }
            | Self::RestoreBackup { .. } => self,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
