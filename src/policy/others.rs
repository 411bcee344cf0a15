//! What is known of the rules of other nodes: whether one of them may allow what is refused here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether another node that calls receivers may allow more than this one, as far as nodes are heard. Cheap to clone; all
/// clones are one.
#[derive(Clone, Debug, Default)]
pub struct Others(Arc<AtomicBool>);

impl Others {
    /// Notes it.
    pub fn note(&self, may_allow_more: bool) {
        self.0.store(may_allow_more, Ordering::Relaxed);
    }

    /// Whether it is so.
    pub fn may_allow_more(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
