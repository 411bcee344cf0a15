//! The progress bar: how many timers are created, then how many webhooks have come.
//!
//! It reads the ledger ten times a second and is told nothing, so it costs the load nothing. If standard error is not a terminal, no bar is
//! shown.

use std::convert::Infallible;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::ledger::Ledger;

/// Time between two reads: short enough to look like motion, at ten locks a second.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const TEMPLATE: &str = "{prefix:8} {bar:40} {pos}/{len}  {per_sec}  {msg}";

/// Shows the run until this future is dropped, which removes the bar.
pub(super) async fn show(timers: u64, ledger: &Ledger) -> anyhow::Result<Infallible> {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(timers), target)
        .with_style(ProgressStyle::with_template(TEMPLATE)?)
        .with_prefix("create")
        .with_finish(ProgressFinish::AndClear);
    let mut is_creating = true;
    loop {
        let (created, failed) = {
            let creation = ledger.creation();
            (creation.created, creation.failed)
        };
        if is_creating && created + failed >= timers {
            is_creating = false;
            bar.reset();
            bar.set_length(created);
            bar.set_prefix("webhooks");
        }
        bar.set_position(if is_creating { created } else { ledger.tally().delivered() });
        if failed > 0 {
            bar.set_message(format!("{failed} creates failed"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
