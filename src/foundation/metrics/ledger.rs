//! Metrics of the ledger's last balance. All nodes show the same ones.

use prometheus_client::metrics::family::Family;

use super::names;
use super::register::{Float, Register, set_known};
use rules::domain::state_kind::StateKind;
use rules::ledger::Balance;

/// The terms that are not states of records.
const CREATED: &str = "created";
const EXPIRED: &str = "expired";

#[derive(Debug)]
pub struct Ledger {
    terms: Family<[(&'static str, &'static str); 1], Float>,
    imbalance: Float,
    breaks: Float,
}

impl Ledger {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        let ledger = Self {
            terms: register.gauge(&names::LEDGER),
            imbalance: register.gauge(&names::LEDGER_IMBALANCE),
            breaks: register.gauge(&names::LEDGER_BREAKS),
        };
        for term in [CREATED, EXPIRED].into_iter().chain(StateKind::ALL.map(term_of)) {
            set_known(&ledger.terms.get_or_create(&[("term", term)]), None);
        }
        set_known(&ledger.imbalance, None);
        set_known(&ledger.breaks, None);
        ledger
    }

    /// Shows a balance; `breaks` is how often the books had to start over.
    pub fn show(&self, balance: &Balance, breaks: u64) {
        let counted = balance.counted.each().map(|(state, count)| (term_of(state), count));
        let others = [(CREATED, balance.created), (EXPIRED, balance.expired)];
        for (term, value) in others.into_iter().chain(counted) {
            set_known(&self.terms.get_or_create(&[("term", term)]), Some(value));
        }
        self.imbalance.set(balance.imbalance as f64);
        set_known(&self.breaks, Some(breaks));
    }
}

/// The metric's term for records in this state.
fn term_of(state: StateKind) -> &'static str {
    if state == StateKind::Scheduled { "pending" } else { state.name() }
}
