//! Which faults can have hit which process or link, and when: they excuse an unwanted outcome.

use super::clock;
use crate::history::{Call, Ended, Happened, History, Logged, Micros};
use crate::plan::{LinkTrouble, Peer, ReceiverTrouble, What};

/// How long the effects of a fault may last after it, in microseconds: a stalled connection is slow to start, and
/// everything that waited comes at once.
const FELT_US: Micros = 2_000_000;

/// The least time that remains of a lease when its call begins, in microseconds: the timeout of 3 s, and half of the margin
/// of 15 s (`domain::machine::may_still_call`).
const LEASE_LEFT_US: Micros = 10_500_000;

/// How long a call may be on its way after its node has died, in microseconds: the longest delay that a link adds to the
/// pieces of a connection, or the longest stall of a link.
const ON_ITS_WAY_US: Micros = 6_000_000;

/// Whether a fault between the node and the receiver can have cost an answer in this span.
pub(super) fn answer_lost(history: &History, node: usize, receiver: usize, from: Micros, to: Micros) -> bool {
    history.faults.iter().filter(|fault| felt(fault, from, to)).any(|fault| match fault.fault.what {
        What::Link { node: hit, to: Peer::Receiver(peer), how } => {
            hit == node && peer == receiver && !matches!(how, LinkTrouble::DelayMs(0))
        }
        What::Receiver { receiver: hit, how } => {
            hit == receiver && matches!(how, ReceiverTrouble::Hangs | ReceiverTrouble::Resets)
        }
        // The node's own timeouts ran while it was stopped.
        What::StopNode { node: hit } => hit == node,
        What::Link { to: Peer::Server(_) | Peer::Servers, .. }
        | What::KillNode { .. }
        | What::RestartNode { .. }
        | What::Clock { .. }
        | What::KillServer { .. }
        | What::StopServer { .. }
        | What::RestartServer { .. }
        | What::IsolateServer { .. }
        | What::FillDisk { .. }
        | What::StepDown { .. }
        | What::KillAfterLeaving { .. }
        | What::RestoreBackup { .. } => false,
    })
}

/// Whether NATS can have lost acknowledged writes in this span: a nats-server with a full disk
/// acknowledges writes that it then cannot make.
pub(super) fn acknowledged_lost(history: &History, from: Micros, to: Micros) -> bool {
    history
        .faults
        .iter()
        .any(|fault| felt(fault, from, to) && matches!(fault.fault.what, What::FillDisk { .. }))
}

/// Whether a fault hit the node, its way to NATS, or NATS itself in this span, so that an outcome may not have been stored in time.
pub(super) fn outcome_late(history: &History, node: usize, from: Micros, to: Micros) -> bool {
    history.faults.iter().filter(|fault| felt(fault, from, to)).any(|fault| match fault.fault.what {
        What::KillNode { node: hit }
        | What::StopNode { node: hit }
        | What::RestartNode { node: hit }
        | What::Link { node: hit, to: Peer::Server(_) | Peer::Servers, .. } => hit == node,
        // A node whose clock jumps takes the leases of others for over.
        What::Clock { .. } => true,
        What::KillServer { .. }
        | What::StopServer { .. }
        | What::RestartServer { .. }
        | What::IsolateServer { .. }
        | What::FillDisk { .. }
        | What::StepDown { .. }
        | What::KillAfterLeaving { .. }
        | What::RestoreBackup { .. } => true,
        What::Link { to: Peer::Receiver(_), .. } | What::Receiver { .. } => false,
    })
}

/// Whether the node has a killed process that can have made a call that came at this instant.
pub(super) fn caller_killed(history: &History, node: usize, at: Micros) -> bool {
    history.lives.iter().filter(|life| life.node == node && life.began <= at).any(|life| match life.ended {
        Some(Ended::Killed(ended)) => ended + ON_ITS_WAY_US >= at,
        Some(Ended::Stopped(_) | Ended::Died(_)) | None => false,
    })
}

/// Whether this process was killed before an instant, so that another process stored the outcome then and cannot know of an answer.
pub(super) fn killed_before(history: &History, process: &str, at: Micros) -> bool {
    let ended = history.life(process).and_then(|life| life.ended);
    matches!(ended, Some(Ended::Killed(ended)) if ended < at)
}

/// Whether the claim of this call can have ended, by the clocks, when a later attempt was claimed: the outcome of the call
/// then has no place in the log.
pub(super) fn taken_over(history: &History, call: &Call, later: &Logged) -> bool {
    let from = call.at.saturating_sub(ON_ITS_WAY_US);
    let began = clock::earliest(history, call.node, from, call.at);
    later.number > call.attempt && later.claimed_at >= began + LEASE_LEFT_US
}

/// Whether the calling node was cut off from NATS, or clocks were off, for long enough that other nodes took it for dead.
pub(super) fn parted(history: &History, call: &Call) -> bool {
    history.faults.iter().filter(|fault| felt(fault, call.at, call.at + LEASE_LEFT_US)).any(|fault| {
        let long = fault.ended.saturating_sub(fault.began) >= LEASE_LEFT_US;
        match fault.fault.what {
            What::StopNode { node } | What::Link { node, to: Peer::Servers, .. } => long && node == call.node,
            What::Clock { ahead_ms, .. } => ahead_ms.unsigned_abs() * 1_000 >= LEASE_LEFT_US,
            What::KillNode { .. }
            | What::RestartNode { .. }
            | What::KillServer { .. }
            | What::StopServer { .. }
            | What::RestartServer { .. }
            | What::IsolateServer { .. }
            | What::FillDisk { .. }
            | What::StepDown { .. }
            | What::KillAfterLeaving { .. }
            | What::RestoreBackup { .. }
            | What::Link { .. }
            | What::Receiver { .. } => false,
        }
    })
}

fn felt(fault: &Happened, from: Micros, to: Micros) -> bool {
    fault.skipped.is_none() && fault.began <= to && fault.ended.saturating_add(FELT_US) >= from
}
