//! A holder's part of a budget, which goes back when it is dropped, and the bytes or the answer that it is kept with.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Body as _;

use super::{Budget, Exhausted, FREE_BYTES, Holder};
use crate::api::answer::Answer;

/// The part of a budget that one request or answer takes.
#[derive(Debug)]
pub(in crate::api) struct Part {
    budget: Budget,
    holder: Holder,
    bytes: usize,
}

impl Part {
    pub(super) fn new(budget: Budget, holder: Holder) -> Self {
        Self { budget, holder, bytes: 0 }
    }

    /// Grows to this many bytes, if it has fewer.
    ///
    /// # Errors
    ///
    /// There is no room; the part stays as it was.
    pub(in crate::api) fn grow_to(&mut self, bytes: usize) -> Result<(), Exhausted> {
        if let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) {
            self.budget.take(&self.holder, more)?;
            self.bytes = bytes;
        }
        Ok(())
    }

    /// Grows or shrinks to this many bytes, whether there is room or not: work that is done can no longer be refused.
    pub(in crate::api) fn set(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.budget.take_anyway(&self.holder, bytes - self.bytes);
        } else if bytes < self.bytes {
            self.budget.give_back(&self.holder, self.bytes - bytes);
        }
        self.bytes = bytes;
    }

    /// Returns the bytes together with their part, which goes back once the last reference to any of the bytes is dropped.
    pub(in crate::api) fn keep(self, bytes: Vec<u8>) -> Bytes {
        if self.bytes == 0 { bytes.into() } else { Bytes::from_owner(Kept { bytes, _part: self }) }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// The part that an answer takes while it is being written.
#[derive(Clone, Debug)]
pub(in crate::api) struct Taken(#[expect(dead_code, reason = "it is there to be dropped")] Arc<Part>);

/// Keeps a part with the answer. The answer takes this part, and none for its size.
pub(in crate::api) fn keep_with(answer: &mut Answer, part: Part) {
    answer.extensions_mut().insert(Taken(Arc::new(part)));
}

/// Takes the part that an answer needs for its size, unless it has one.
///
/// # Errors
///
/// There is no room for it.
pub(in crate::api) fn take_for(answer: &mut Answer, mut part: Part) -> Result<(), Exhausted> {
    let bytes = answer.body().size_hint().exact().unwrap_or_default();
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_sub(FREE_BYTES);
    if bytes > 0 && answer.extensions().get::<Taken>().is_none() {
        part.grow_to(bytes)?;
        keep_with(answer, part);
    }
    Ok(())
}

struct Kept {
    bytes: Vec<u8>,
    _part: Part,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
