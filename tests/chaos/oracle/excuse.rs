//! Which faults can have hit whom, and when: what excuses an outcome that nobody wants.

use super::clock;
use crate::history::{Call, Ended, Happened, History, Logged, Micros};
use crate::plan::{LinkTrouble, Peer, ReceiverTrouble, What};

/// How long what a fault has done may be felt after it, in microseconds: a connection that stalled is slow to start, and
/// what waited comes all at once.
const FELT_US: Micros = 2_000_000;

/// What is left at least of a lease when its call begins, in microseconds: the timeout of 3 s, and half of the margin of 15 s
/// (`domain::machine::may_still_call`).
const LEASE_LEFT_US: Micros = 10_500_000;

/// How long a call may be on its way after its node has died, in microseconds: the longest delay of a link, of each of a
/// connection's pieces, or a stalled link's fault.
const ON_ITS_WAY_US: Micros = 6_000_000;

/// Whether something between the node and the receiver can have cost an answer in this span.
pub(super) fn answer_lost(history: &History, node: usize, receiver: usize, from: Micros, to: Micros) -> bool {
    history.faults.iter().filter(|fault| felt(fault, from, to)).any(|fault| match fault.fault.what {
        What::Link { node: hit, to: Peer::Receiver(peer), how } => {
            hit == node && peer == receiver && !matches!(how, LinkTrouble::DelayMs(0))
        }
        What::Receiver { receiver: hit, how } => {
            hit == receiver && matches!(how, ReceiverTrouble::Hangs | ReceiverTrouble::Resets)
        }
        // Its own timeouts ran while it stood still.
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

/// Whether NATS can have lost in this span what it had acknowledged: a nats-server whose disk is full acknowledges writes that it then
/// cannot make.
pub(super) fn acknowledged_lost(history: &History, from: Micros, to: Micros) -> bool {
    history
        .faults
        .iter()
        .any(|fault| felt(fault, from, to) && matches!(fault.fault.what, What::FillDisk { .. }))
}

/// Whether the node, or its way to NATS, or NATS itself was hit in this span, so that an outcome may not have been stored
/// in time.
pub(super) fn outcome_late(history: &History, node: usize, from: Micros, to: Micros) -> bool {
    history.faults.iter().filter(|fault| felt(fault, from, to)).any(|fault| match fault.fault.what {
        What::KillNode { node: hit }
        | What::StopNode { node: hit }
        | What::RestartNode { node: hit }
        | What::Link { node: hit, to: Peer::Server(_) | Peer::Servers, .. } => hit == node,
        // Whoever's clock jumps takes others' leases for over.
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

/// Whether some process of the node was killed that can have made a call that came at this instant.
pub(super) fn caller_killed(history: &History, node: usize, at: Micros) -> bool {
    history.lives.iter().filter(|life| life.node == node && life.began <= at).any(|life| match life.ended {
        Some(Ended::Killed(ended)) => ended + ON_ITS_WAY_US >= at,
        Some(Ended::Stopped(_) | Ended::Died(_)) | None => false,
    })
}

/// Whether this process was killed before an instant, so that what was stored then is another's, who cannot know of an answer.
pub(super) fn killed_before(history: &History, process: &str, at: Micros) -> bool {
    let ended = history.life(process).and_then(|life| life.ended);
    matches!(ended, Some(Ended::Killed(ended)) if ended < at)
}

/// Whether the claim of this call can have been over, by the clocks, when a later attempt was claimed: then its outcome has
/// no place in the log.
pub(super) fn taken_over(history: &History, call: &Call, later: &Logged) -> bool {
    let from = call.at.saturating_sub(ON_ITS_WAY_US);
    let began = clock::earliest(history, call.node, from, call.at);
    later.number > call.attempt && later.claimed_at >= began + LEASE_LEFT_US
}

/// Whether the caller was parted from NATS, or clocks were off, for so long that others took it for dead.
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
