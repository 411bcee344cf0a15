//! Whether the first byte of a request can have left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The departure of one call's request. Cheap to clone.
#[derive(Clone)]
pub struct Departure(Arc<Shared>);

struct Shared {
    note: Box<dyn Fn() + Send + Sync>,
    left: AtomicBool,
}

impl Departure {
    /// One that calls `note` before the first byte is written, once or more.
    pub fn new(note: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { note: Box::new(note), left: AtomicBool::new(false) }))
    }

    /// Whether the first byte can have left.
    pub fn has_left(&self) -> bool {
        self.0.left.load(Ordering::Acquire)
    }

    /// Notes that the next thing to happen is that a request is written. A note may be early; it is never late.
    pub(super) fn leaves(&self) {
        (self.0.note)();
        self.0.left.store(true, Ordering::Release);
    }
}
