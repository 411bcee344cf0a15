//! Carries out the faults: each begins at its instant, lasts, and is undone, at the same time as the others.

mod special;

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::history::Happened;
use crate::plan::{Fault, LinkTrouble, Of, What, Which};
use crate::record::Record;
use crate::rig::Rig;
use crate::support::now_micros;

/// Carries out all faults; returns once the last one is over.
pub(crate) async fn all(rig: &Rig, faults: &[Fault], began: Instant, record: &Record) {
    futures_util::future::join_all(faults.iter().map(|fault| one(rig, fault, began, record))).await;
}

async fn one(rig: &Rig, fault: &Fault, began: Instant, record: &Record) {
    tokio::time::sleep_until(began + Duration::from_millis(fault.at_ms.into())).await;
    let lasts = Duration::from_millis(fault.for_ms.into());
    let whom = match fault.what {
        What::KillServer { which }
        | What::StopServer { which }
        | What::RestartServer { which }
        | What::IsolateServer { which }
        | What::FillDisk { which } => which_servers(rig, which).await,
        What::KillNode { .. }
        | What::StopNode { .. }
        | What::RestartNode { .. }
        | What::Clock { .. }
        | What::StepDown { .. }
        | What::Link { .. }
        | What::Receiver { .. } => vec![],
        What::KillAfterLeaving { .. } | What::RestoreBackup { .. } => vec![0],
    };
    let names: Vec<&str> = whom.iter().map(|server| rig.servers[*server].name.as_str()).collect();
    let mut happened = Happened {
        fault: fault.clone(),
        whom: names.join(" "),
        began: now_micros(),
        ended: u64::MAX,
        skipped: None,
    };
    happened.skipped = strike(rig, fault.what, &whom, lasts, record).await.err();
    happened.ended = now_micros();
    record.happened(happened);
}

/// Carries out one fault: breaks something, waits, and repairs it.
async fn strike(
    rig: &Rig,
    what: What,
    whom: &[usize],
    lasts: Duration,
    record: &Record,
) -> Result<(), String> {
    let until = tokio::time::sleep(lasts);
    let servers = || whom.iter().map(|server| &rig.servers[*server]);
    match what {
        What::KillNode { node } => {
            rig.nodes[node].kill().await;
            until.await;
            rig.nodes[node].up().await;
        }
        What::StopNode { node } => {
            rig.nodes[node].signal(Signal::STOP).await;
            until.await;
            rig.nodes[node].signal(Signal::CONT).await;
        }
        What::RestartNode { node } => {
            rig.nodes[node].terminate().await;
            until.await;
            rig.nodes[node].up().await;
        }
        What::Clock { node, ahead_ms } => {
            rig.nodes[node].set_clock(ahead_ms);
            until.await;
            rig.nodes[node].set_clock(0);
        }
        What::KillServer { .. } => {
            futures_util::future::join_all(servers().map(|server| server.kill())).await;
            until.await;
            futures_util::future::join_all(servers().map(|server| server.up())).await;
        }
        What::StopServer { .. } => {
            futures_util::future::join_all(servers().map(|server| server.signal(Signal::STOP))).await;
            until.await;
            futures_util::future::join_all(servers().map(|server| server.signal(Signal::CONT))).await;
        }
        What::RestartServer { .. } => {
            futures_util::future::join_all(servers().map(|server| server.terminate())).await;
            until.await;
            futures_util::future::join_all(servers().map(|server| server.up())).await;
        }
        What::IsolateServer { .. } => {
            whom.iter().for_each(|server| rig.isolate(*server, Some(LinkTrouble::Stall)));
            until.await;
            whom.iter().for_each(|server| rig.isolate(*server, None));
        }
        What::FillDisk { .. } => {
            let disks: Vec<_> = servers().map(|server| server.disk()).collect::<Result<_, _>>()?;
            disks.iter().for_each(|disk| disk.fill());
            until.await;
            disks.iter().for_each(|disk| disk.clear());
            // The server stores again only after a restart (docs/limits.md).
            futures_util::future::join_all(servers().map(|server| server.terminate())).await;
            futures_util::future::join_all(servers().map(|server| server.up())).await;
        }
        What::StepDown { of } => {
            rig.admin.step_down(of).await.ok_or("no server answered that could step down")?;
        }
        What::Link { node, to, how } => {
            rig.link(node, to, Some(how));
            until.await;
            rig.link(node, to, None);
        }
        What::Receiver { receiver, how } => {
            rig.receivers[receiver].set(Some(how));
            until.await;
            rig.receivers[receiver].set(None);
        }
        What::KillAfterLeaving { nodes, .. } => {
            special::kill_after_leaving(rig, lasts, nodes, record).await?;
        }
        What::RestoreBackup { copied, nodes } => {
            special::restore_backup(rig, lasts, copied, nodes, record).await?;
        }
    }
    Ok(())
}

/// The servers that `which` means at the moment.
async fn which_servers(rig: &Rig, which: Which) -> Vec<usize> {
    let leads = async |of: Of| {
        let leader = rig.admin.leader(of).await;
        rig.servers.iter().position(|server| Some(&server.name) == leader.as_ref()).unwrap_or(0)
    };
    match which {
        Which::All => (0..rig.servers.len()).collect(),
        Which::Leader(of) => vec![leads(of).await],
        Which::Follower(of) => vec![(leads(of).await + 1) % rig.servers.len()],
    }
}
