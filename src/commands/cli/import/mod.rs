//! `jettimer import`: creates a timer for each line of a file, many in a request and several requests at once.
//!
//! A run that broke off can be run again: each line has an idempotency key made of its content, so a timer that exists already is
//! found and not made twice. There is no progress file that could get lost or belong to another server. The price is that lines
//! are sent again, which takes as long as creating them. Lines may be corrected, moved or removed between two runs. Identical
//! lines make one timer each: the key counts them.

mod line;
mod lines;
mod send;

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use tokio::sync::mpsc::Receiver;

use super::Session;
use super::exit::Exit;
use super::failure::{Failure, say};
use super::patience::Patience;
use super::table::clean;
use crate::commands::options::{Import, Surroundings};
use line::{Item, Keys, Reading};
use lines::Read;
use send::Outcome;

/// The most bytes of a request with more than one line. A node takes 8 MiB. Proxies in front of it often take 1 MiB, or a million
/// bytes, by default.
const BATCH_BYTES: usize = 1_000_000;

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(100);

/// The lines of one request, and lines that are not sent.
#[derive(Default)]
struct Batch {
    items: Vec<Item>,
    /// Lines that cannot be timers, and why.
    bad: Vec<(u64, String)>,
    bytes: usize,
    /// How far into the file the batch goes.
    read: u64,
}

impl Batch {
    /// A single line is sent whatever its length.
    fn has_room_for(&self, item: &Item) -> bool {
        self.items.is_empty() || self.bytes + item.json.len() < BATCH_BYTES
    }

    fn add(&mut self, item: Item, end: u64) {
        // Counts the line break, too.
        self.bytes += item.json.len() + 1;
        self.items.push(item);
        self.read = end;
    }
}

/// How many lines had each result.
#[derive(Default)]
struct Totals {
    created: u64,
    existing: u64,
    refused: u64,
    lines: u64,
    /// Lines whose owner was left out.
    disowned: u64,
}

pub(super) async fn run(args: &Import, around: &Surroundings) -> Result<Exit, Failure> {
    let session = Session::open(&args.common.connection, around, args.common.output)?;
    let lines = lines::read(&args.file)?;
    let bar = bar(lines.bytes);
    let mut totals = Totals::default();
    let ended = tokio::select! {
        ended = all(&session, args, lines.lines, &bar, &mut totals) => ended,
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::from).and(Err(Failure::Other(
            Exit::Interrupted,
            "interrupted: run it again; timers that exist already are not created twice".to_owned(),
        ))),
    };
    bar.finish_and_clear();
    totals.tell(&session, args.dry_run)?;
    ended?;
    Ok(if totals.refused == 0 { Exit::Done } else { Exit::Failed })
}

async fn all(
    session: &Session,
    args: &Import,
    lines: Receiver<Read>,
    bar: &ProgressBar,
    totals: &mut Totals,
) -> Result<(), Failure> {
    let keys = Keys::new(&args.run);
    let batches = stream::unfold(
        Batches { lines, keys, seen: HashMap::new(), next: None, ended: false },
        |mut batches| async {
            let batch = batches.next(args).await?;
            Some((batch, batches))
        },
    );
    let sent = batches.map(async |batch| {
        let batch = batch?;
        let outcomes = if args.dry_run {
            vec![Outcome::Existing; batch.items.len()]
        } else {
            send::send(&session.client, &batch.items, Patience::new(args.patience.retry_for)).await?
        };
        Ok::<_, Failure>((batch, outcomes))
    });
    let mut sent = std::pin::pin!(sent.buffered(args.parallel));
    while let Some(done) = sent.next().await {
        let (batch, outcomes) = done?;
        totals.lines += (batch.items.len() + batch.bad.len()) as u64;
        totals.disowned += batch.items.iter().filter(|item| item.is_disowned).count() as u64;
        let mut refused = batch.bad;
        for (item, outcome) in batch.items.iter().zip(outcomes) {
            match outcome {
                Outcome::Created => totals.created += 1,
                Outcome::Existing => totals.existing += 1,
                Outcome::Refused(why) => refused.push((item.line, why)),
            }
        }
        refused.sort_unstable();
        totals.refused += refused.len() as u64;
        for (line, why) in refused {
            report(session, bar, line, &why)?;
        }
        bar.set_position(batch.read);
        bar.set_message(format!("{} created, {} refused", totals.created, totals.refused));
    }
    Ok(())
}

/// Says which line was refused, and why.
fn report(session: &Session, bar: &ProgressBar, line: u64, why: &str) -> Result<(), Failure> {
    if session.out.is_json() {
        let json = json!({ "line": line, "error": why });
        return Ok(bar.suspend(|| session.out.line(&json.to_string()))?);
    }
    bar.suspend(|| say(&format!("line {line}: {}", clean(why))));
    Ok(())
}

/// Groups lines into batches as they are read.
struct Batches {
    lines: Receiver<Read>,
    keys: Keys,
    /// How often each line has occurred so far.
    seen: HashMap<line::Digest, u32>,
    /// An item that did not fit into the batch before, and its end in the file.
    next: Option<(Item, u64)>,
    ended: bool,
}

impl Batches {
    async fn next(&mut self, args: &Import) -> Option<Result<Batch, Failure>> {
        let mut batch = Batch::default();
        if let Some((item, end)) = self.next.take() {
            batch.add(item, end);
        }
        while !self.ended && batch.items.len() < args.batch && batch.bytes < BATCH_BYTES {
            match self.lines.recv().await {
                None => self.ended = true,
                Some(Read::Failed(why)) => {
                    self.ended = true;
                    return Some(Err(Failure::other(why)));
                }
                Some(Read::TooLong { line, end }) => {
                    batch.bad.push((
                        line,
                        format!("is longer than {} bytes, the most that any node accepts", lines::MOST_BYTES),
                    ));
                    batch.read = end;
                }
                Some(Read::Line { line, text, end }) => {
                    let reading = Reading { overdue: args.overdue, own: args.own };
                    match Item::read(line, &text, &self.keys, &mut self.seen, reading) {
                        Ok(item) if batch.has_room_for(&item) => batch.add(item, end),
                        Ok(item) => {
                            self.next = Some((item, end));
                            break;
                        }
                        Err(why) => {
                            batch.bad.push((line, why));
                            batch.read = end;
                        }
                    }
                }
            }
        }
        (!batch.items.is_empty() || !batch.bad.is_empty()).then_some(Ok(batch))
    }
}

impl Totals {
    fn tell(&self, session: &Session, dry_run: bool) -> Result<(), Failure> {
        if session.out.is_json() {
            let json = json!({
                "lines": self.lines, "created": self.created, "existing": if dry_run { 0 } else { self.existing },
                "refused": self.refused, "dry_run": dry_run,
            });
            return Ok(session.out.line(&json.to_string())?);
        }
        if self.disowned > 0 {
            say(&format!("{} timers had another owner (created_by), which --own removed", self.disowned));
        }
        if dry_run {
            let fit = self.lines - self.refused;
            say(&format!("{fit} lines may become timers, {} cannot; nothing was sent", self.refused));
        } else {
            say(&format!(
                "{} created, {} already there, {} refused",
                self.created, self.existing, self.refused
            ));
        }
        Ok(())
    }
}

/// A progress bar on a terminal: of bytes, if the number of bytes is known.
fn bar(bytes: Option<u64>) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let template = match bytes {
        Some(_) => "import {bar:40} {bytes}/{total_bytes}  {msg}",
        None => "import {spinner} {bytes}  {msg}",
    };
    let bar = ProgressBar::with_draw_target(bytes, target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
