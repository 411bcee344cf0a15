//! The times that a node's clock can have shown, given how the run set it.

use crate::history::{History, Micros};

/// A span in which a clock was off by this much. Spans overlap by the moment in which the clock was set.
struct Span {
    from: Micros,
    to: Micros,
    ahead_us: i64,
}

fn spans(history: &History, node: usize) -> Vec<Span> {
    let mut spans = vec![Span { from: 0, to: Micros::MAX, ahead_us: 0 }];
    for set in history.clocks.iter().filter(|set| set.node == node) {
        if let Some(last) = spans.last_mut() {
            last.to = set.before;
        }
        spans.push(Span { from: set.after, to: Micros::MAX, ahead_us: set.ahead_us });
    }
    spans
}

/// The latest instant that the node's clock can have shown from `from` to `to`.
pub(super) fn latest(history: &History, node: usize, from: Micros, to: Micros) -> Micros {
    let shown = spans(history, node)
        .into_iter()
        .filter(|span| span.from <= to && span.to >= from)
        .map(|span| span.to.min(to).saturating_add_signed(span.ahead_us));
    shown.max().unwrap_or(to)
}

/// The earliest instant that the node's clock can have shown from `from` to `to`.
pub(super) fn earliest(history: &History, node: usize, from: Micros, to: Micros) -> Micros {
    let shown = spans(history, node)
        .into_iter()
        .filter(|span| span.from <= to && span.to >= from)
        .map(|span| span.from.max(from).saturating_add_signed(span.ahead_us));
    shown.min().unwrap_or(from)
}

/// The span of this machine's time in which the node's clock can have shown `shown`.
pub(super) fn when(history: &History, node: usize, shown: Micros) -> (Micros, Micros) {
    let all = spans(history, node);
    let ahead = all.iter().map(|span| span.ahead_us);
    let (least, most) = (ahead.clone().min().unwrap_or(0), ahead.max().unwrap_or(0));
    (shown.saturating_add_signed(-most), shown.saturating_add_signed(-least))
}
