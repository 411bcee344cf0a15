//! The clock of `jettimer dev --time-scale`, which has to go on after a restart as if the node had not stopped.
//!
//! The data directory keeps the instant at which the clock began. Timers go by that clock and would jump with another one, so another one
//! is refused.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::app::embedded;
use crate::foundation::clock::{Clock, Course, TimeScale};
use crate::foundation::rfc3339;

/// The file's name in the data directory. The file is absent if the clock is the world's.
const FILE: &str = embedded::TIME_SCALE_FILE;

#[derive(Debug, Deserialize, Serialize)]
struct Kept {
    time_scale: TimeScale,
    /// The instant that both clocks showed when this one began.
    since: String,
}

/// The clock of the timers in this directory, or the clock for those that are set from now on if it has no timers yet.
///
/// # Errors
///
/// If the timers go by another clock, or the clock cannot be read or kept.
pub fn clock(data_dir: &Path, scale: TimeScale) -> Result<Clock> {
    let dir = data_dir.display();
    match kept(data_dir)? {
        Some(kept) if kept.time_scale == scale => on(data_dir, &kept),
        Some(Kept { time_scale, .. }) => bail!(
            "the timers in {dir} use a clock that is {time_scale} times as fast as real time: start with --time-scale \
             {time_scale} to keep them, with --reset to remove them, or with another --data-dir"
        ),
        None if scale == TimeScale::OF_THE_WORLD => Ok(Clock::OF_THE_WORLD),
        None if embedded::has_data(data_dir) => bail!(
            "the timers in {dir} use real time, and would jump with another clock: start without --time-scale to keep \
             them, with --reset to remove them, or with another --data-dir"
        ),
        None => {
            let since = rfc3339::format(Clock::OF_THE_WORLD.now());
            let kept = Kept { time_scale: scale, since };
            keep(data_dir, &kept)?;
            on(data_dir, &kept)
        }
    }
}

/// Refuses a directory whose timers go by a clock of their own, since a node of production has no such clock.
///
/// # Errors
///
/// If they go by such a clock.
pub fn refuse_scaled(data_dir: &Path) -> Result<()> {
    match kept(data_dir)? {
        None => Ok(()),
        Some(Kept { time_scale, .. }) => bail!(
            "the timers in {} were set with jettimer dev --time-scale {time_scale}, and use its clock: choose another \
             --data-dir",
            data_dir.display()
        ),
    }
}

fn kept(data_dir: &Path) -> Result<Option<Kept>> {
    let path = data_dir.join(FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let kept = serde_json::from_str(&text);
    kept.map(Some).with_context(|| {
        format!("{} is not as jettimer wrote it; --reset removes it with the timers", path.display())
    })
}

fn on(data_dir: &Path, kept: &Kept) -> Result<Clock> {
    let since = rfc3339::parse(&kept.since).map_err(anyhow::Error::msg);
    let anchor = since.with_context(|| {
        format!(
            "{}: {} is not an instant; --reset removes it with the timers",
            data_dir.display(),
            kept.since
        )
    })?;
    Ok(Clock::on(Course { scale: kept.time_scale, anchor }))
}

/// Writes the file whole or not at all: half a file would make the directory unusable.
fn keep(data_dir: &Path, kept: &Kept) -> Result<()> {
    let path = data_dir.join(FILE);
    let cannot = || format!("cannot write {}", path.display());
    embedded::create_data_dir(data_dir)?;
    let half = data_dir.join(embedded::TIME_SCALE_FILE_NEW);
    fs::write(&half, serde_json::to_string(kept)? + "\n").with_context(cannot)?;
    fs::rename(&half, &path).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::domain::time::Timestamp;

    fn times(times: u32) -> TimeScale {
        times.to_string().parse().unwrap()
    }

    #[test]
    fn a_clock_goes_on_where_it_was_and_no_other_takes_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let first = clock(dir.path(), times(60)).unwrap();
        let again = clock(dir.path(), times(60)).unwrap();
        let at = Timestamp::from_micros(2_000_000_000_000_000);
        assert_eq!((first.shown(at), first.scale()), (again.shown(at), times(60)));
        for other in [1, 61] {
            let said = clock(dir.path(), times(other)).unwrap_err().to_string();
            assert!(said.contains("start with --time-scale 60") && said.contains("--reset"), "{said}");
        }
        assert!(refuse_scaled(dir.path()).unwrap_err().to_string().contains("--time-scale 60"));
        fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(clock(dir.path(), times(60)).unwrap_err().to_string().contains("--reset"));
    }

    #[test]
    fn timers_of_the_worlds_clock_keep_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("nats")).unwrap();
        assert_eq!(clock(dir.path(), times(1)).unwrap().scale(), TimeScale::OF_THE_WORLD);
        assert!(clock(dir.path(), times(2)).unwrap_err().to_string().contains("without --time-scale"));
        assert!(refuse_scaled(dir.path()).is_ok() && !dir.path().join(FILE).exists());
    }
}
