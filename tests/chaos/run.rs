//! One run: it starts everything, lets load and faults go on at the same time, repairs everything, and returns the history for judgement.

use std::path::PathBuf;

use tokio::time::Instant;

use crate::history::History;
use crate::plan::Plan;
use crate::record::Record;
use crate::rig::{Programs, Rig};
use crate::{load, look, strike};

/// The result of a run.
pub(crate) struct Ran {
    pub(crate) history: History,
    rig: Rig,
}

impl Ran {
    /// Keeps logs and data for inspection, and returns their directory.
    pub(crate) fn keep(self) -> PathBuf {
        self.rig.keep()
    }
}

/// Runs a plan.
pub(crate) async fn run(programs: &Programs, plan: &Plan) -> Ran {
    let record = Record::default();
    let rig = Rig::start(programs, plan, &record).await;
    let began = Instant::now();
    let began_at = record.begin(plan);
    let faults = async {
        strike::all(&rig, &plan.faults, began, &record).await;
        rig.mend().await;
    };
    let load = async {
        load::all(&rig, &plan.items, began, began_at, &record).await;
        record.asked_for_all();
    };
    tokio::join!(faults, load);
    let end = look::at_the_end(&rig, &record).await;
    record.end(end);
    rig.refusals().into_iter().for_each(|refusal| record.complain(refusal));
    Ran { history: record.history(), rig }
}
