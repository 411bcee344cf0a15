//! Metrics of all timers, and of the index that knows them. They are set when a scraper asks.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::label::Label as _;
use super::names;
use super::register::{Float, Register, set, set_known};
use super::work::Late;
use rules::domain::state_kind::PerKind;

/// The state of the index at one moment.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// The most timers in the index.
    pub limit: usize,
    /// The most bytes that they may take, as the index counts them.
    pub bytes_limit: usize,
    /// The contents of the index; absent until it has been filled.
    pub known: Option<IndexContents>,
    /// How many changes it lacks.
    pub lag: Option<u64>,
    /// When the index last heard of a change, in microseconds since 1970.
    pub last_change_micros: u64,
}

/// The contents of a filled index.
#[derive(Clone, Debug)]
pub struct IndexContents {
    pub timers: usize,
    /// Bytes that they take, as the index counts them.
    pub bytes: usize,
    /// Whether the index has all timers.
    pub complete: bool,
    /// The number of timers in each state.
    pub by_state: PerKind<usize>,
    /// Timers whose attempt should have begun.
    pub overdue: usize,
    /// The overdue timers that wait for their receiver or their flow.
    pub held_up: usize,
}

#[derive(Debug)]
pub struct Index {
    by_state: Family<[(&'static str, &'static str); 1], Float>,
    overdue: Family<[(&'static str, &'static str); 1], Float>,
    timers: Gauge,
    limit: Gauge,
    bytes: Gauge,
    bytes_limit: Gauge,
    ready: Gauge,
    complete: Gauge,
    lag: Float,
    last_change: Float,
}

impl Index {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        Self {
            by_state: register.gauge(&names::TIMERS),
            overdue: register.gauge(&names::TIMERS_OVERDUE),
            timers: register.gauge(&names::INDEX_TIMERS),
            limit: register.gauge(&names::INDEX_LIMIT),
            bytes: register.gauge(&names::INDEX_BYTES),
            bytes_limit: register.gauge(&names::INDEX_BYTES_LIMIT),
            ready: register.gauge(&names::INDEX_READY),
            complete: register.gauge(&names::INDEX_COMPLETE),
            lag: register.gauge(&names::INDEX_LAG),
            last_change: register.gauge(&names::INDEX_LAST_CHANGE),
        }
    }

    pub fn show(&self, indexed: &Indexed) {
        let known = indexed.known.as_ref();
        for (state, count) in known.into_iter().flat_map(|known| known.by_state.each()) {
            set_known(&self.by_state.get_or_create(&[("state", state.name())]), u64::try_from(count).ok());
        }
        let (held_up, overdue) = (known.map(|known| known.held_up), known.map(|known| known.overdue));
        let other = overdue.zip(held_up).map(|(overdue, held_up)| overdue.saturating_sub(held_up));
        for (cause, count) in [(Late::Receiver, held_up), (Late::Other, other)] {
            let gauge = self.overdue.get_or_create(&[(Late::NAME, cause.shown())]);
            set_known(&gauge, count.and_then(|count| u64::try_from(count).ok()));
        }
        set(&self.timers, known.map_or(0, |known| known.timers));
        set(&self.limit, indexed.limit);
        set(&self.bytes, known.map_or(0, |known| known.bytes));
        set(&self.bytes_limit, indexed.bytes_limit);
        set(&self.ready, usize::from(known.is_some()));
        set(&self.complete, usize::from(known.is_some_and(|known| known.complete)));
        set_known(&self.lag, indexed.lag);
        self.last_change.set(indexed.last_change_micros as f64 / 1e6);
    }
}
