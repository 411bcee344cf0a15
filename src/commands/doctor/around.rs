//! Checks around the broker: nodes, the node that sweeps, and clocks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Check, setup};
use crate::foundation::clock::Clock;
use crate::foundation::rfc3339;
use crate::nats::{Beats, Lease, Ledger, Link, Said, server_time};
use rules::presence::{Beat, Life, Moment, Offset, ServerClock};
use rules::receivers::Trouble;

/// How long the doctor listens to nodes: each announces itself once a second.
const LISTEN: Duration = Duration::from_millis(2_500);

/// The number of answers of NATS from which its clock is read; the quickest counts.
const CLOCK_SAMPLES: usize = 5;

/// A larger difference between clocks is reported; beyond `--max-clock-skew`, which is 2 s by default, nodes take no new work.
const SKEW: Duration = Duration::from_millis(100);

/// The checks of the nodes, and the nodes' troubles.
pub(super) async fn of_nodes(link: &Link) -> (Vec<Check>, Vec<Trouble>) {
    let Ok(mut beats) = Beats::listen(link).await else { return (vec![], vec![]) };
    let (mut nodes, mut troubles) = (BTreeMap::new(), BTreeMap::new());
    let until = tokio::time::Instant::now() + LISTEN;
    while let Ok(Some(said)) = tokio::time::timeout_at(until, beats.next()).await {
        match said {
            Said::Beat(beat) => drop(nodes.insert(beat.node.instance, beat)),
            Said::Troubles(node, told) => drop(troubles.insert(node, told)),
        }
    }
    let checks = [vec![heard(&nodes)], setup::of_nodes(nodes.values())].concat();
    (checks, troubles.into_values().flatten().collect())
}

fn heard(nodes: &BTreeMap<Uuid, Beat>) -> Check {
    let running: Vec<_> = nodes.values().filter(|beat| beat.life == Life::Running).collect();
    let mut names: Vec<String> = running
        .iter()
        .map(|beat| format!("{} ({}, {})", beat.node.name, beat.node.role.name(), beat.node.version))
        .collect();
    names.sort();
    let says = format!("{} heard: {}", names.len(), names.join(", "));
    if !running.iter().any(|beat| beat.node.role.works()) {
        Check::finding(
            "nodes",
            if names.is_empty() { "no node heard".to_owned() } else { says },
            "No node calls receivers. Start one with --role all or worker; if one runs, it is connected to \
             another NATS, or its user may not publish timers.nodes.*",
        )
    } else {
        Check::ok("nodes", says)
    }
}

pub(super) async fn of_clock(link: &Link) -> Check {
    let mut clock = ServerClock::default();
    for _ in 0..CLOCK_SAMPLES {
        if let Ok(sample) = server_time(link).await {
            clock.note(sample);
        }
    }
    let Some(offset) = clock.offset(Moment { steady: Instant::now(), clock: Clock::OF_THE_WORLD.now() })
    else {
        return Check::unknown(
            "clock",
            "NATS does not report its time",
            "Run the doctor again when it answers.",
        );
    };
    let side = if offset > Offset::ZERO { "ahead of" } else { "behind" };
    let says = format!("NATS is {:.1} ms {side} this machine", offset.distance().as_secs_f64() * 1e3);
    if offset.distance() > SKEW {
        return Check::finding(
            "clock",
            says,
            "If the clocks of nodes differ like this, timers are early or late by as much. Synchronise nodes and NATS \
             servers with NTP.",
        );
    }
    Check::ok("clock", says)
}

pub(super) async fn of_lease(link: &Link) -> Check {
    match Lease::read(link).await {
        Ok((Some(lease), _)) if lease.until > Clock::OF_THE_WORLD.now() => {
            let swept = lease
                .swept_at
                .map_or("not swept yet".to_owned(), |at| format!("swept last at {}", rfc3339::format(at)));
            Check::ok("sweep", format!("{} sweeps, {swept}", lease.node))
        }
        Ok(_) => Check::finding(
            "sweep",
            "no node sweeps",
            "Without sweeps, no node finds the faults below. A running node takes over within seconds; if none does, \
             see its log.",
        ),
        Err(_) => Check::unknown(
            "sweep",
            "cannot tell which node sweeps",
            "The bucket timers_sweep is missing, or the NATS user may not read it.",
        ),
    }
}

pub(super) async fn of_ledger(link: &Link) -> Check {
    let balance = match Ledger::read(link).await {
        Ok((Some(ledger), _)) => ledger.balance,
        Ok((None, _)) | Err(_) => None,
    };
    let Some(balance) = balance else {
        return Check::unknown(
            "ledger",
            "there is no ledger yet",
            "The node that sweeps keeps it, unless events or finished timers are kept for too short a time.",
        );
    };
    let says = format!("{} created, {} of them not accounted for", balance.created, balance.imbalance);
    match balance.imbalance {
        0 => Check::ok("ledger", format!("{} created, each accounted for", balance.created)),
        1.. => Check::finding(
            "ledger",
            says,
            "Records were removed by hand, or the bucket was purged. Create lost timers again; then start a new ledger \
             with nats kv del timers_sweep ledger (docs/metrics.md).",
        ),
        ..0 => Check::finding(
            "ledger",
            says,
            "There are records without a creation, as after an older backup was restored: timers that were called \
             after that backup may be called again. Once you know the cause, start a new ledger with nats kv del \
             timers_sweep ledger.",
        ),
    }
}
