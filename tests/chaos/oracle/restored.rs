//! The possible effects of a broker that forgets: timers that have left, and data that was put back to an earlier state.
//!
//! Each excuse holds for one timer, by the instants of its requests and calls, and only in a run with such a fault.

use crate::history::{Asked, Backup, Call, Final, History, Micros, Request};
use crate::plan::What;

/// jettimer's reason for not calling a timer whose record may be older than its latest events.
const BROUGHT_BACK: &str = "restored by the broker or from a backup";

/// How long after the call its outcome may still not be stored, in microseconds.
const STORED_WITHIN_US: Micros = 2_000_000;

/// Whether a timer may be missing at this instant: it was over for as long as finished timers stay, or its creation was undone.
pub(crate) fn may_be_gone(history: &History, item: usize, id: &str, at: Micros) -> bool {
    has_left(history, item, id, at) || was_never_created(history, item, id)
}

/// Whether a timer was over for as long as finished timers stay.
pub(super) fn has_left(history: &History, item: usize, id: &str, at: Micros) -> bool {
    let Some(retention) = history.retention else { return false };
    let cancelled = history.requests_of(item).filter(|request| request.asked == Asked::Cancel);
    let cancelled = cancelled.filter_map(|request| request.told(200)).map(|told| told.at);
    let late = history.requests_of(item).filter(|request| outlasts_its_timer(history, request));
    let late = late.filter_map(|request| Some(request.told.as_ref()?.at - retention));
    let calls = history.calls_of(item).filter(|call| call.id == id);
    let delivered = calls.filter(|call| call.answered == Some(200)).map(|call| call.answered_at);
    cancelled.chain(late).chain(delivered).any(|over| over + retention <= at)
}

/// Whether a cancel took long enough for its timer to end, by the cancel or by a call, and to leave before the 404.
pub(super) fn outlasts_its_timer(history: &History, request: &Request) -> bool {
    let (Some(retention), Some(told)) = (history.retention, request.told(404)) else { return false };
    request.asked == Asked::Cancel && told.at - request.sent >= retention
}

/// Whether the timer's creation was undone: it came after the backup, and before the restore.
pub(super) fn was_never_created(history: &History, item: usize, id: &str) -> bool {
    let of_it = |request: &&Request| {
        let timer = request.told.as_ref().and_then(|told| told.timer.as_ref());
        request.asked == Asked::Create && timer.is_some_and(|timer| timer.id == id)
    };
    history.requests_of(item).filter(of_it).any(|request| undone_by(history, request).is_some())
}

/// Whether a call was made before its timer's creation was undone.
pub(super) fn was_called_before(history: &History, call: &Call) -> bool {
    history.backups.iter().any(|backup| call.at <= backup.back.1)
}

/// Whether a cancel was undone, and its timer was not due before the restore: such a timer is scheduled again, and no node
/// can know that it was cancelled.
pub(super) fn cancel_is_undone(history: &History, request: &Request) -> bool {
    let due = request.told.as_ref().and_then(|told| told.timer.as_ref()).map(|timer| timer.due_at);
    undone_by(history, request).is_some_and(|backup| due.is_some_and(|due| due >= backup.back.0))
}

/// Whether a timer is `unknown` because its record was brought back, in a run with a fault that can do that.
pub(super) fn is_brought_back(history: &History, timer: &Final) -> bool {
    let forgets = |what| matches!(what, What::KillAfterLeaving { .. } | What::RestoreBackup { .. });
    timer.state == "unknown"
        && timer.reason.contains(BROUGHT_BACK)
        && history.faults.iter().any(|fault| fault.skipped.is_none() && forgets(fault.fault.what))
}

/// Whether the backup was made during a call of the timer, so that the copy has a claim and no outcome.
pub(super) fn is_claimed_in_a_backup(history: &History, item: usize) -> bool {
    let during = |call: &Call, backup: &Backup| {
        call.at <= backup.made.1 && call.answered_at.max(call.at) + STORED_WITHIN_US >= backup.made.0
    };
    history.calls_of(item).any(|call| history.backups.iter().any(|backup| during(call, backup)))
}

/// The backup that undid an answered request: made before the request, and restored after it.
fn undone_by<'h>(history: &'h History, request: &Request) -> Option<&'h Backup> {
    let told = request.told.as_ref()?;
    history.backups.iter().find(|backup| told.at >= backup.made.0 && request.sent <= backup.back.1)
}
