//! Whether the first byte of a request can have left the node.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The departure of one call's request. Cheap to clone.
#[derive(Clone)]
pub struct Departure(Arc<Shared>);

struct Shared {
    note: Box<dyn Fn() + Send + Sync>,
    left: Mutex<Left>,
    /// No connection was made, because this node had no means to make one.
    is_held_here: AtomicBool,
}

/// How far the request has come.
enum Left {
    No,
    Yes,
    /// The request is in a queue. This takes it out if nothing of it was written.
    Queued(Box<dyn Fn() -> bool + Send>),
}

impl Departure {
    /// A departure that calls `note` before the first byte is written, once or more often.
    pub fn new(note: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            note: Box::new(note),
            left: Mutex::new(Left::No),
            is_held_here: AtomicBool::new(false),
        }))
    }

    /// Whether the first byte can have left, or the request waits at its connection.
    pub fn has_left(&self) -> bool {
        !matches!(*self.left(), Left::No)
    }

    /// Whether the request did not leave because this node lacked the means, such as files that it may have open. That says nothing about
    /// the receiver.
    pub fn is_held_here(&self) -> bool {
        self.0.is_held_here.load(Ordering::Relaxed)
    }

    /// Notes that this node has no means to make a connection.
    pub(super) fn held_here(&self) {
        self.0.is_held_here.store(true, Ordering::Relaxed);
    }

    /// Notes that the request is written next. A note may be early; it is never late.
    pub(super) fn leaves(&self) {
        (self.0.note)();
        *self.left() = Left::Yes;
    }

    /// Notes that the request is in a queue. `recall` makes sure that nothing of it is written, and says whether nothing was.
    pub(super) fn is_queued(&self, recall: impl Fn() -> bool + Send + 'static) {
        *self.left() = Left::Queued(Box::new(recall));
    }

    /// Notes that nothing of the request was or will be written on the connection that it was meant for; it may go on another one.
    pub(super) fn stays(&self) {
        *self.left() = Left::No;
    }

    /// Takes the request back, if that is possible. Returns whether nothing of it was written, and so nothing will be.
    pub(super) fn recall(&self) -> bool {
        match &*self.left() {
            Left::No => true,
            Left::Yes => false,
            Left::Queued(recall) => recall(),
        }
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        // A plain value is whole even after a panic.
        self.0.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
