//! The part of a node that calls receivers.

use anyhow::Result;
use tokio_util::task::TaskTracker;

use super::shared::Shared;
use super::{Ends, Setup};
use crate::app::config::Node;
use crate::app::journal;
use crate::foundation::metrics::Task;
use crate::node::alarm::Alarm;
use crate::node::dispatch::{self, Line};
use crate::node::engine::{Claims, Holds, Memory, Postponing, Worker};
use crate::node::journal::Journal;
use crate::node::places::Places;
use crate::webhook::Caller;

/// Starts the loop that pulls wakes, if the node works. The tracker has the loop, and the tasks that attend to wakes.
pub(super) fn start(node: &Node, setup: &Setup, shared: &Shared, ends: &Ends) -> Result<TaskTracker> {
    let in_hand = TaskTracker::new();
    in_hand.close();
    if !setup.role.works() {
        return Ok(in_hand);
    }
    let (journal, left) = journal::open(setup.journal_dir.clone(), node.max_calls, &setup.metrics);
    let work = dispatch::Work {
        engine: shared.engine.clone(),
        wakes: shared.wakes.clone(),
        line: Line::new(node.max_held),
        worker: worker(node, setup, shared, ends, journal)?,
        tasks: setup.tasks.clone(),
        in_hand: in_hand.clone(),
    };
    let run = dispatch::run(work, shared.link.clone(), left);
    setup.tasks.keep(Task::Worker, ends.stop.clone(), in_hand.track_future(run));
    Ok(in_hand)
}

/// The parts that the engine needs to make calls.
fn worker(node: &Node, setup: &Setup, shared: &Shared, ends: &Ends, journal: Journal) -> Result<Worker> {
    let claims = Claims::new(node.max_calls);
    setup.metrics.work.limit_storing(claims.limit());
    Ok(Worker {
        caller: Caller::new(shared.clock, &setup.targets, &setup.tasks)?,
        alarm: Alarm::start(shared.clock, &setup.tasks)?,
        others: shared.others.clone(),
        receivers: shared.receivers.clone(),
        calls: Places::new(node.max_calls),
        lookups: Places::new(node.max_calls),
        journal,
        claims,
        holds: Holds::default(),
        memory: Memory::new(node.max_held),
        postponing: Postponing::default(),
        stop: ends.stop.clone(),
        abort: ends.abort.clone(),
    })
}
