//! The frames that may still be written on a connection after a request was withdrawn: those of earlier requests and of the connection
//! itself. The others are dropped, since the heads of later requests are compressed with the fields of the withdrawn one.

use std::io;
use std::task::{Poll, ready};

use super::frames::HEAD;

/// Sorts the frames, from the first one of the withdrawn request on.
pub(super) struct Sieve {
    /// The stream that was withdrawn.
    first: u32,
    head: [u8; HEAD],
    have: usize,
    /// Where the unwritten part of the head begins, which goes before anything else; [`HEAD`] if all of it is written.
    unwritten: usize,
    /// How many bytes of the frame's payload are still to come.
    rest: usize,
    passes: bool,
}

impl Sieve {
    pub(super) fn new(first: u32) -> Self {
        Self { first, head: [0; HEAD], have: 0, unwritten: HEAD, rest: 0, passes: false }
    }

    /// Takes some of these bytes, and writes what may be written.
    pub(super) fn pass(
        &mut self,
        bytes: &[u8],
        write: &mut impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.flush(write))?;
        if self.rest > 0 {
            let mut count = self.rest.min(bytes.len());
            if self.passes {
                count = ready!(write(&bytes[..count]))?;
            }
            self.rest -= count;
            return Poll::Ready(Ok(count));
        }
        let count = (HEAD - self.have).min(bytes.len());
        self.head[self.have..self.have + count].copy_from_slice(&bytes[..count]);
        self.have += count;
        if self.have == HEAD {
            let [high, middle, low, _, _, stream @ ..] = self.head;
            self.have = 0;
            self.rest = u32::from_be_bytes([0, high, middle, low]) as usize;
            self.passes = u32::from_be_bytes(stream) & 0x7fff_ffff < self.first;
            self.unwritten = if self.passes { 0 } else { HEAD };
        }
        Poll::Ready(Ok(count))
    }

    /// Writes the head of a frame that was taken, if it may be written.
    pub(super) fn flush(
        &mut self,
        write: &mut impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        while self.unwritten < HEAD {
            match ready!(write(&self.head[self.unwritten..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.unwritten += count,
            }
        }
        Poll::Ready(Ok(()))
    }
}
