//! Metrics of the ledger's last balance. All nodes show the same ones.

use prometheus_client::metrics::family::Family;

use super::names;
use super::register::{Float, Register, set_known};
use rules::ledger::Balance;

/// The terms in the order in which they are shown: `created`, those of the records as in `Term::EACH`, and `expired`.
const TERMS: [&str; 8] =
    ["created", "pending", "firing", "delivered", "failed", "unknown", "cancelled", "expired"];

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
        for term in TERMS {
            set_known(&ledger.terms.get_or_create(&[("term", term)]), None);
        }
        set_known(&ledger.imbalance, None);
        set_known(&ledger.breaks, None);
        ledger
    }

    /// Shows a balance; `breaks` is how often the books had to start over.
    pub fn show(&self, balance: &Balance, breaks: u64) {
        let values = [balance.created].into_iter().chain(balance.counted).chain([balance.expired]);
        for (term, value) in TERMS.into_iter().zip(values) {
            set_known(&self.terms.get_or_create(&[("term", term)]), Some(value));
        }
        self.imbalance.set(balance.imbalance as f64);
        set_known(&self.breaks, Some(breaks));
    }
}
