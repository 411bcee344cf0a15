//! Faults with their own load, which wait until the load has reached a state: the server then forgets that timers are over.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use rustix::process::Signal;
use tokio::process::Command;
use tokio::time::timeout;

use crate::client::Client;
use crate::history::{Asked, Backup};
use crate::plan::{Copied, Nodes};
use crate::record::Record;
use crate::rig::Rig;
use crate::support::now_micros;

/// How long each wait may take, in seconds, on a machine that is busy with other runs.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long no block of the bucket may be written to before the store counts as compacted, in seconds: it syncs and compacts once a second.
const SETTLED_FOR: Duration = Duration::from_secs(2);

/// How many sweeps all nodes together make after the server is back, so that each record was read twice.
const SWEEPS: f64 = 3.0;

/// Kills the server with SIGKILL once every timer that is to leave has left.
pub(super) async fn kill_after_leaving(
    rig: &Rig,
    lasts: Duration,
    nodes: Nodes,
    record: &Record,
) -> Result<(), String> {
    until("all that is due is over", || async { all_is_over(record) }).await?;
    until("what is over has left", || all_wait(&rig.clients[0])).await?;
    let server = &rig.servers[0];
    let blocks = server.data().join("jetstream/$G/streams/KV_timers/msgs");
    until("the store is compacted", || async { settled(&blocks) }).await?;
    if nodes == Nodes::Die {
        futures_util::future::join_all(rig.nodes.iter().map(|node| node.kill())).await;
    }
    server.kill().await;
    tokio::time::sleep(lasts).await;
    back(rig, nodes).await
}

/// Copies the server's data now, and replaces the data by the copy when the fault ends.
pub(super) async fn restore_backup(
    rig: &Rig,
    lasts: Duration,
    copied: Copied,
    nodes: Nodes,
    record: &Record,
) -> Result<(), String> {
    let over = tokio::time::sleep(lasts);
    let server = &rig.servers[0];
    let copy = server.data().with_extension("backup");
    let made = now_micros();
    match copied {
        Copied::Stopped => server.terminate().await,
        Copied::Running => server.signal(Signal::STOP).await,
    }
    cp(server.data(), &copy).await?;
    match copied {
        Copied::Stopped => server.up().await,
        Copied::Running => server.signal(Signal::CONT).await,
    }
    let made = (made, now_micros());
    over.await;
    let back_from = now_micros();
    match copied {
        Copied::Stopped => server.terminate().await,
        Copied::Running => server.kill().await,
    }
    std::fs::remove_dir_all(server.data()).map_err(|error| error.to_string())?;
    cp(&copy, server.data()).await?;
    // The restore is noted before it can have any effect.
    record.backup(Backup { made, back: (back_from, now_micros()) });
    back(rig, nodes).await
}

/// Starts the server, treats the nodes as `nodes` says, and waits until they have swept.
async fn back(rig: &Rig, nodes: Nodes) -> Result<(), String> {
    rig.servers[0].up().await;
    if nodes == Nodes::Die {
        futures_util::future::join_all(rig.nodes.iter().map(|node| node.up())).await;
    }
    ready(rig).await?;
    if nodes == Nodes::Restart {
        for node in &rig.nodes {
            node.terminate().await;
            node.up().await;
            ready(rig).await?;
        }
    }
    let before = sweeps(rig).await;
    until("nodes have swept", || async move { (sweeps(rig).await >= before + SWEEPS).then_some(()) }).await
}

async fn ready(rig: &Rig) -> Result<(), String> {
    if rig.ready(PATIENCE).await { Ok(()) } else { Err("nodes are not ready again".to_owned()) }
}

/// Whether all existing timers wait, and none of them is due.
async fn all_wait(client: &Client) -> Option<()> {
    let (_, counts) = client.get("/timers/counts").await?;
    (counts["total"] == counts["scheduled"] && counts["overdue"] == 0).then_some(())
}

/// Whether clients have sent all requests, and each created timer that is due within the run was called or cancelled.
fn all_is_over(record: &Record) -> Option<()> {
    let history = record.history();
    let called: HashSet<usize> = history.calls.iter().filter_map(|call| call.item).collect();
    let told = |asked, status| {
        let requests = history.requests.iter().filter(move |request| request.asked == asked);
        requests.filter(move |request| request.told(status).is_some()).map(|request| request.item)
    };
    let cancelled: HashSet<usize> = told(Asked::Cancel, 200).chain(told(Asked::Cancel, 404)).collect();
    let is_over =
        |item: usize| history.items[item].is_far() || called.contains(&item) || cancelled.contains(&item);
    (history.asked_for_all && told(Asked::Create, 201).all(is_over)).then_some(())
}

/// Whether no block of a stream has been written to for a while.
fn settled(blocks: &Path) -> Option<()> {
    let files = std::fs::read_dir(blocks).ok()?.flatten();
    let blocks = files.filter(|file| file.path().extension().is_some_and(|end| end == "blk"));
    let last = blocks.filter_map(|file| file.metadata().ok()?.modified().ok()).max()?;
    let now = UNIX_EPOCH + Duration::from_micros(now_micros());
    (now.duration_since(last).ok()? >= SETTLED_FOR).then_some(())
}

/// How many sweeps all nodes together have made.
async fn sweeps(rig: &Rig) -> f64 {
    let mut sum = 0.0;
    for client in &rig.clients {
        let metrics = client.get("/metrics").await.map(|(_, text)| text);
        let metrics = metrics.as_ref().and_then(|text| text.as_str()).unwrap_or_default();
        let series = "jettimer_sweeps_total{result=\"done\"} ";
        let done = metrics.lines().find_map(|line| line.strip_prefix(series)?.parse::<f64>().ok());
        sum += done.unwrap_or(0.0);
    }
    sum
}

async fn cp(from: &Path, to: &Path) -> Result<(), String> {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().await;
    match copied {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("cp -a {} {}: {other:?}", from.display(), to.display())),
    }
}

async fn until<F>(what: &str, mut holds: impl FnMut() -> F) -> Result<(), String>
where
    F: Future<Output = Option<()>>,
{
    let all = async {
        while holds().await.is_none() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    timeout(PATIENCE, all).await.map_err(|_| format!("not within {PATIENCE:?}: {what}"))
}
