//! The rules of other nodes, as far as this node knows: whether one of them may allow a target that this node refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether another node that calls receivers may allow more than this one, as far as nodes are heard. Cheap to clone; all
/// clones share one value.
#[derive(Clone, Debug, Default)]
pub struct Others(Arc<AtomicBool>);

impl Others {
    pub fn note(&self, may_allow_more: bool) {
        self.0.store(may_allow_more, Ordering::Relaxed);
    }

    pub fn may_allow_more(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
