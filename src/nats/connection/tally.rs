//! Counts the requests of this node to NATS and their failures.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use crate::foundation::metrics::{FailureKind, Metrics};
use crate::nats::error::NatsError;

pub(super) struct Tally {
    /// How many requests were not answered or not done.
    failures: AtomicU64,
    /// When a write was last refused for lack of room.
    no_room: Mutex<Option<Instant>>,
    metrics: Arc<Metrics>,
}

impl Tally {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { failures: AtomicU64::new(0), no_room: Mutex::default(), metrics }
    }

    pub(super) fn request(&self) {
        self.metrics.nats.requests.inc();
    }

    /// Counts a failure by its kind.
    pub(super) fn failure(&self, error: &NatsError) {
        if matches!(error, NatsError::Unclear(_) | NatsError::NotDone(_)) {
            self.failures.fetch_add(1, Ordering::AcqRel);
        }
        if matches!(error, NatsError::NoRoom(_))
            && let Ok(mut refused) = self.no_room.lock()
        {
            *refused = Some(Instant::now());
        }
        self.metrics.nats.failures.count(match error {
            NatsError::Unclear(_) => FailureKind::Unclear,
            NatsError::NotDone(_) => FailureKind::NotDone,
            NatsError::NoRoom(_) => FailureKind::NoRoom,
            NatsError::TooLarge { .. } | NatsError::Unreadable(_) => FailureKind::Impossible,
        });
    }

    /// How many requests were not answered or not done.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }

    /// When a write was last refused since a storage limit was reached; `None` if none ever was.
    pub(super) fn refused_for_room(&self) -> Option<Instant> {
        self.no_room.lock().ok().and_then(|refused| *refused)
    }
}
