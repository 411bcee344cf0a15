//! `jettimer list`: one line per timer, read from as many pages as needed.

use super::Session;
use super::exit::Exit;
use super::failure::{Failure, say};
use super::pages::{self, PAGE};
use super::patience::Patience;
use super::table::Cell;
use super::timer::{Timer, instant, state};
use crate::commands::options::{List, Surroundings};

const HEADING: &[&str] = &["ID", "STATE", "DUE", "", "TRIED", "CALLS", "METADATA"];

pub(super) async fn run(args: &List, around: &Surroundings) -> Result<Exit, Failure> {
    let session = Session::open(&args.common.connection, around, args.common.output)?;
    let filter = args.filter.pairs();
    let mut left = if args.all { u64::MAX } else { args.limit };
    let mut cursor: Option<String> = None;
    // A table is shown page by page: otherwise all of a long list would be in memory until its widest line is known.
    loop {
        let asked = (args.sort.name(), left.min(PAGE), cursor.as_deref());
        let page = pages::page(&session.client, &filter, asked, &mut Patience::none()).await?;
        left = left.saturating_sub(page.timers.len() as u64);
        if session.out.is_json() {
            let lines: String = page.timers.iter().map(|timer| format!("{}\n", timer.get())).collect();
            session.out.text(&lines)?;
        } else {
            let timers = page.timers.iter().map(|timer| serde_json::from_str::<Timer>(timer.get()).map(row));
            let rows: Result<Vec<_>, _> = timers.collect();
            let rows =
                rows.map_err(|error| Failure::other(format!("cannot read a timer of the list: {error}")))?;
            let heading = if cursor.is_none() { HEADING } else { &[] };
            session.out.rows(heading, &rows)?;
        }
        if cursor.is_none() && !page.complete {
            say("the node's index leaves some timers out (--index-limit of the node)");
        }
        cursor = page.next;
        if cursor.is_none() || left == 0 {
            break;
        }
    }
    if cursor.is_some() && session.out.is_for_people() {
        say("there are more timers: --all shows all of them, a higher --limit more of them");
    }
    Ok(Exit::Done)
}

fn row(timer: Timer) -> Vec<Cell> {
    let next = timer.next_call();
    vec![
        Cell::new(&timer.id),
        state(&timer.state),
        Cell::new(&instant(next)),
        Cell::new(&timer.distance()),
        Cell::new(&timer.attempts.to_string()),
        Cell::new(&format!("{} {}", timer.method, timer.url)),
        Cell::new(&timer.labels()),
    ]
}
