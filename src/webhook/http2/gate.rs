//! Which requests were written on a connection, and which may not be written any more.
//!
//! A call whose time is up before its request was written has sent nothing, as long as nothing is written later. The library keeps the
//! head of a request in its queue although the call is gone, so the last word is here, where the bytes leave.
//!
//! **Invariant:** nothing of a request is passed on after [`Gate::withdraw`] has answered `true` for its stream.

use std::io;
use std::task::{Poll, ready};

use super::frames::{Frame, HEAD, Scan};

/// What is between the library and the wire.
pub(super) struct Gate {
    /// The bytes that were passed on.
    passed: Scan,
    /// The last stream whose HEADERS were passed on.
    last: u32,
    /// The first stream that was withdrawn.
    withdrawn: Option<u32>,
    /// It was this one's turn.
    closed: bool,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { passed: Scan::of_client(), last: 0, withdrawn: None, closed: false }
    }

    /// Takes a request back, if nothing of it was passed on. Says whether nothing was.
    pub(super) fn withdraw(&mut self, stream: u32) -> bool {
        let is_unwritten = stream > self.last;
        if is_unwritten {
            self.withdrawn = Some(self.withdrawn.map_or(stream, |first| first.min(stream)));
        }
        is_unwritten
    }

    /// Whether a request stands behind one that was withdrawn, so that it is not passed on.
    pub(super) fn shuts_out(&self, stream: u32) -> bool {
        stream > self.last && self.withdrawn.is_some_and(|first| first <= stream)
    }

    /// Passes bytes on as far as they may be written. From the first request on that was withdrawn, none are: the heads of later ones
    /// are compressed with what it said. The library takes them for written.
    pub(super) fn pass(
        &mut self,
        bytes: &[u8],
        write: impl FnOnce(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let length = self.open_for(bytes);
        if length == 0 {
            self.closed = true;
            return Poll::Ready(Ok(bytes.len()));
        }
        let count = ready!(write(&bytes[..length]))?;
        let last = &mut self.last;
        self.passed.read(&bytes[..count], |frame| {
            if let Frame::Headers { stream } = frame {
                *last = stream.max(*last);
            }
        });
        Poll::Ready(Ok(count))
    }

    /// How many of the bytes come before the first request that was withdrawn.
    fn open_for(&self, bytes: &[u8]) -> usize {
        let Some(first) = self.withdrawn else { return bytes.len() };
        if self.closed {
            return 0;
        }
        let (mut ahead, mut is_withdrawn) = (self.passed.clone(), false);
        for (at, byte) in bytes.iter().enumerate() {
            ahead.read(std::slice::from_ref(byte), |frame| {
                is_withdrawn |= matches!(frame, Frame::Headers { stream } if stream >= first);
            });
            if is_withdrawn {
                // Of its head, some bytes may have been passed on before.
                return (at + 1).saturating_sub(HEAD);
            }
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes bytes on to a wire that takes so many at once.
    fn pass(gate: &mut Gate, mut bytes: &[u8], at_once: usize, taken: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let passed = gate.pass(bytes, |bytes| {
                let count = bytes.len().min(at_once);
                taken.extend_from_slice(&bytes[..count]);
                Poll::Ready(Ok(count))
            });
            let Poll::Ready(Ok(count)) = passed else { panic!("{passed:?}") };
            bytes = &bytes[count..];
        }
    }

    fn headers(stream: u8) -> Vec<u8> {
        vec![0, 0, 1, 1, 4, 0, 0, 0, stream, 0x82]
    }

    fn data(stream: u8) -> Vec<u8> {
        vec![0, 0, 2, 0, 0, 0, 0, 0, stream, 7, 7]
    }

    #[test]
    fn nothing_of_a_withdrawn_request_is_passed_on_wherever_the_bytes_are_cut() {
        let greeting = [b'P'; 24];
        let allowed = [&greeting[..], &headers(1), &data(1)].concat();
        let all = [&allowed[..], &headers(3), &data(1), &headers(5)].concat();
        for at_once in 1..=all.len() {
            for before in 0..all.len() {
                let (mut gate, mut taken) = (Gate::new(), vec![]);
                pass(&mut gate, &all[..before], at_once, &mut taken);
                let is_written = before >= allowed.len() + HEAD;
                assert_eq!(gate.withdraw(3), !is_written, "{before}");
                assert!(is_written || gate.shuts_out(5));
                assert!(!gate.withdraw(1) || before < 24 + HEAD);
                pass(&mut gate, &all[before..], at_once, &mut taken);
                let expected = match before {
                    // The first one was withdrawn too.
                    ..33 => before.max(24),
                    _ if is_written => all.len(),
                    _ => before.max(allowed.len()),
                };
                assert_eq!(taken, all[..expected], "{before} in pieces of {at_once}");
            }
        }
    }

    #[test]
    fn bytes_that_the_wire_does_not_take_are_not_written() {
        let mut gate = Gate::new();
        pass(&mut gate, &[b'P'; 24], 24, &mut vec![]);
        assert!(gate.pass(&headers(1), |_| Poll::Pending).is_pending());
        assert!(gate.withdraw(1) && !gate.shuts_out(0));
        let Poll::Ready(Ok(10)) = gate.pass(&headers(1), |_| panic!("it is written")) else { panic!() };
        assert!(gate.shuts_out(3));
    }
}
