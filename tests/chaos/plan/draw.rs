//! Draws the faults of a seed.

use fastrand::Rng;

use super::faults::{Copied, Fault, LinkTrouble, Nodes, Of, Peer, ReceiverTrouble, What, Which};
use super::{NODES, Profile, RECEIVERS, SERVERS, backup, weighted};

/// Faults begin in this span after the start of the load, in milliseconds: while timers are created and come due.
const FIRST_MS: u32 = 300;
const LAST_MS: u32 = 6_500;

/// How long a fault lasts, in milliseconds. A change of leader takes 2 to 9 s, so some faults end before it and some after.
const SHORTEST_MS: u32 = 200;
const LONGEST_MS: u32 = 4_000;

/// The length of an occasional long stop of a node, or cut from NATS, in milliseconds: longer than a lease (3 s and 15 s),
/// so that other nodes take over its claims before it comes back.
const PAST_A_LEASE_MS: std::ops::RangeInclusive<u32> = 19_000..=22_000;

/// One in this many of the faults that can be long is long.
const LONG_ONE_IN: u32 = 5;

/// The most faults of a run.
const MOST: usize = 6;

/// The largest step of a clock, in milliseconds: more than the 15 s by which a lease outlasts its call.
const HARDEST_MS: i64 = 20_000;

/// Draws the faults of a run, in the order in which they begin. In every other run with one server the only fault is one with its own load.
pub(super) fn of(rng: &mut Rng, profile: Profile) -> Vec<Fault> {
    if profile == Profile::One && rng.bool() {
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

/// Some offsets are within the permitted difference of clocks (2 s), some far beyond it.
fn ahead_ms(rng: &mut Rng) -> i64 {
    let most = weighted(rng, &[(3, 2_000), (2, HARDEST_MS)]);
    let ahead = rng.i64(50..=most);
    if rng.bool() { ahead } else { -ahead }
}
