//! Waits at the end of a run until everything is over and quiet, and records the final state.

mod lists;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

use lists::{listed, unlisted};

use crate::history::{End, Final, Logged};
use crate::oracle::may_be_gone;
use crate::plan::{Item, NODES};
use crate::record::Record;
use crate::rig::Rig;
use crate::support::{micros_of, now_micros};

/// How long it may take until everything is over, in seconds: a lease (3 s and 15 s), changes of leader, the backoff of
/// retries, a breaker that has been open, and a machine that is busy with other runs.
const PATIENCE: Duration = Duration::from_secs(90);

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long the run checks that nothing more comes. A wake that is left comes within its ack wait of 5 s at
/// the latest, but most errors show at once.
const WATCH: Duration = Duration::from_millis(1_200);

/// Waits until all is quiet, or patience has run out.
pub(crate) async fn at_the_end(rig: &Rig, record: &Record) -> End {
    let began = Instant::now();
    let deadline = began + PATIENCE;
    let (mut turn, mut last) = (0, String::new());
    let mut end = loop {
        turn += 1;
        let mut end = End::default();
        match look(rig, record, turn % NODES, &mut end).await {
            Ok(()) => break end,
            Err(why) if Instant::now() > deadline => {
                end.never = Some(why);
                break end;
            }
            Err(why) => {
                last = why;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    };
    end.waited = (began.elapsed().as_secs(), last);
    end.quiet_at = now_micros();
    tokio::time::sleep(WATCH).await;
    end
}

/// Reads the whole state through one of the nodes; an error names something that is not over yet.
async fn look(rig: &Rig, record: &Record, node: usize, end: &mut End) -> Result<(), String> {
    for (node, client) in rig.clients.iter().enumerate() {
        if !rig.nodes[node].runs().await {
            rig.nodes[node].up().await;
        }
        end.ready.push(client.ready().await.unwrap_or(0));
    }
    let client = &rig.clients[node];
    let mut ids = listed(client).await?;
    let history = record.history();
    // A timer that the broker has brought back exists, although nodes may not have heard of it.
    let forgets = history.retention.is_some() || !history.backups.is_empty();
    if forgets {
        let unlisted = unlisted(&history, client, &ids).await;
        end.wrong_lists.extend(unlisted.iter().map(|id| format!("{id} is there, and not in the list")));
        ids.extend(unlisted);
    }
    let paths: Vec<String> = ids.iter().map(|id| format!("/timer/{id}")).collect();
    for (answer, path) in join_all(paths.iter().map(|path| client.get(path))).await.into_iter().zip(&paths) {
        let (status, timer) = answer.ok_or("a node does not answer")?;
        if forgets && status == 404 {
            end.wrong_lists.push(format!("{path} is in the list, and not there"));
            continue;
        }
        if status != 200 {
            return Err(format!("GET {path}, which is in the list, is answered {status}"));
        }
        end.timers.push(last(&timer));
    }
    let (_, counts) = client.get("/timers/counts").await.ok_or("a node does not answer")?;
    for (name, count) in counts.as_object().into_iter().flatten() {
        end.counts.extend(count.as_u64().map(|count| (name.clone(), count)));
    }
    for client in &rig.clients {
        let (_, metrics) = client.get("/metrics").await.ok_or("a node does not answer")?;
        let metrics = metrics.as_str().unwrap_or_default();
        add_findings(metrics, &mut end.swept);
        let imbalance = metrics.lines().find_map(|line| line.strip_prefix("jettimer_ledger_imbalance "));
        // The metric is NaN until the ledger has been balanced.
        end.imbalances
            .extend(imbalance.and_then(|text| text.parse().ok()).filter(|missing: &f64| !missing.is_nan()));
    }
    for wake in rig.admin.wakes().await.ok_or("NATS does not say which wakes are left")? {
        if rig.sweeps || !rig.admin.was_settled(&wake).await {
            end.wakes.push(wake);
        }
    }
    end.pending = rig.admin.pending().await.ok_or("NATS does not say what is pending")?;
    if end.ready.iter().any(|status| *status != 200) {
        return Err(format!("/readyz says {:?}", end.ready));
    }
    all_over(record, end)
}

/// Adds the findings of sweeps from a node's metrics.
fn add_findings(metrics: &str, swept: &mut BTreeMap<String, u64>) {
    let lines =
        metrics.lines().filter_map(|line| line.strip_prefix("jettimer_sweep_findings_total{finding=\""));
    for (kind, count) in lines.filter_map(|line| line.split_once("\"} ")) {
        let count = count.parse().unwrap_or(0);
        if count > 0 {
            *swept.entry(kind.to_owned()).or_default() += count;
        }
    }
}

/// Checks that nothing more can happen.
fn all_over(record: &Record, end: &End) -> Result<(), String> {
    let states: HashMap<&str, &str> =
        end.timers.iter().map(|timer| (timer.id.as_str(), timer.state.as_str())).collect();
    let history = record.history();
    let is_far =
        |timer: &Final| timer.item.and_then(|item| history.items.get(item)).is_some_and(Item::is_far);
    let goes_on = |timer: &&Final| match timer.state.as_str() {
        "scheduled" => !is_far(timer),
        state => state == "firing",
    };
    if let Some(timer) = end.timers.iter().find(goes_on) {
        return Err(format!("{} is {}", timer.id, timer.state));
    }
    // A living claimant is about to store the outcome, and the timer may go on.
    let lives = |name: &str| history.life(name).is_some_and(|life| life.ended.is_none());
    let waits = |timer: &&Final| timer.state == "unknown" && timer.claimed_by.as_deref().is_some_and(lives);
    if let Some(timer) = end.timers.iter().find(waits) {
        return Err(format!("{} is unknown, and its claimant lives", timer.id));
    }
    let told = history.requests.iter().filter_map(|request| {
        let timer = request.told.as_ref()?.timer.as_ref()?;
        (!may_be_gone(&history, request.item, &timer.id, now_micros())).then_some(timer)
    });
    let told: HashSet<&str> = told.map(|timer| timer.id.as_str()).collect();
    if let Some(id) = told.iter().find(|id| !states.contains_key(*id)) {
        return Err(format!("{id} is not in the list"));
    }
    let mut by_state = BTreeMap::new();
    states.values().for_each(|state| *by_state.entry((*state).to_owned()).or_insert(0) += 1);
    if let Some(wrong) = end.wrong_lists.first() {
        return Err(wrong.clone());
    }
    if let Some((state, count)) = by_state.iter().find(|(state, count)| end.counts.get(*state) != Some(count))
    {
        return Err(format!("{count} timers are {state}, and GET /timers/counts says {:?}", end.counts));
    }
    if let Some(subject) = end.wakes.iter().find(|subject| !may_linger(subject, &states)) {
        return Err(format!("the wake {subject} is left"));
    }
    match end.pending {
        0 => Ok(()),
        count => Err(format!("{count} wakes wait for a worker")),
    }
}

/// Whether a wake may stay for a while: the wake of a timer that is scheduled, that may yet be replayed, or that was never stored.
pub(crate) fn may_linger(subject: &str, states: &HashMap<&str, &str>) -> bool {
    let id = subject.split('.').nth(2).unwrap_or_default();
    matches!(states.get(id).copied(), None | Some("scheduled" | "failed" | "unknown"))
}

fn last(timer: &Value) -> Final {
    let text = |name: &str| timer[name].as_str().unwrap_or_default().to_owned();
    Final {
        item: timer["metadata"]["item"].as_str().and_then(|item| item.parse().ok()),
        id: text("id"),
        state: text("state"),
        attempts: number(&timer["attempts"]),
        claimed_by: timer["claimed_by"].as_str().map(str::to_owned),
        reason: text("reason"),
        log: timer["attempt_log"].as_array().into_iter().flatten().map(logged).collect(),
    }
}

fn logged(attempt: &Value) -> Logged {
    Logged {
        number: number(&attempt["number"]),
        node: attempt["node"].as_str().unwrap_or_default().to_owned(),
        due_at: micros_of(&attempt["due_at"]),
        claimed_at: micros_of(&attempt["claimed_at"]),
        finished_at: micros_of(&attempt["finished_at"]),
        result: attempt["result"].as_str().unwrap_or_default().to_owned(),
        status: attempt["status"].as_u64().and_then(|status| status.try_into().ok()),
    }
}

fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|number| number.try_into().ok()).unwrap_or(0)
}
