//! Tells how a timer ended, by creating its callback once.

use crate::foundation::callback;
use crate::nats::NatsError;
use crate::node::engine::{Engine, Patience};
use rules::domain::timer::Timer;

impl Engine {
    /// Creates the callback for the timer's current state, unless the callback exists already.
    ///
    /// # Errors
    ///
    /// A [`NatsError`] if that cannot be done; the wake must come again.
    pub(super) async fn notify(&self, timer: &Timer) -> Result<(), NatsError> {
        let Some(url) = timer.callback() else { return Ok(()) };
        let callback = callback::timer_of(timer, url, self.callback_retry, self.clock.now());
        self.create(&callback, true, Patience::Endless).await?;
        Ok(())
    }
}
