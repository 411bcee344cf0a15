//! Metrics of the receivers that this node calls. They are set when a scraper asks.

use prometheus_client::metrics::family::Family;

use super::names;
use super::register::{Float, Register, set_known};
use rules::receivers::BreakerState;

type ByLabel = Family<[(&'static str, &'static str); 1], Float>;

#[derive(Debug)]
pub struct Receivers {
    by_breaker: ByLabel,
}

impl Receivers {
    pub(super) fn new(register: &mut Register<'_>) -> Self {
        let receivers = Self { by_breaker: register.gauge(&names::RECEIVERS) };
        receivers.show(&BreakerState::ALL.map(|state| (state, 0)));
        receivers
    }

    /// Shows how many receivers have their circuit breaker in each state.
    pub fn show(&self, counts: &[(BreakerState, usize)]) {
        for (state, count) in counts {
            let gauge = self.by_breaker.get_or_create(&[("breaker", state.name())]);
            set_known(&gauge, u64::try_from(*count).ok());
        }
    }
}
