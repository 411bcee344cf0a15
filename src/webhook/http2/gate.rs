//! Which requests were written on a connection, and which may no longer be written.
//!
//! A call whose time is up before its request was written has sent nothing, as long as nothing is written later. The library keeps the head
//! of a request in its queue although the call is gone, so the last decision is made here, where the bytes leave.
//!
//! **Invariant:** nothing of a request is passed on after [`Gate::withdraw`] has answered `true` for its stream.

use std::io;
use std::task::{Poll, ready};

use super::frames::{Frame, HEAD, Scan};
use super::sieve::Sieve;

/// The gate between the library and the wire.
pub(super) struct Gate {
    /// The bytes that were passed on so far.
    passed: Scan,
    /// The last stream whose HEADERS were passed on.
    last: u32,
    /// The first stream that was withdrawn.
    withdrawn: Option<u32>,
    state: State,
}

/// Which bytes are passed on.
enum State {
    /// Everything, up to the first request that was withdrawn.
    Open,
    /// From then on, only bytes of earlier requests and of the connection.
    Sieved(Sieve),
    /// Nothing: some bytes of the head of the withdrawn request's first frame were written before.
    Closed,
}

/// Where the first withdrawn request begins.
enum Turn {
    NotYet,
    /// After this many bytes; its stream.
    After(usize, u32),
    /// Some bytes of its first frame's head were passed on before.
    Begun,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { passed: Scan::of_client(), last: 0, withdrawn: None, state: State::Open }
    }

    /// Takes a request back if none of its bytes was passed on. Returns whether none was.
    pub(super) fn withdraw(&mut self, stream: u32) -> bool {
        let is_unwritten = stream > self.last;
        if is_unwritten {
            self.withdrawn = Some(self.withdrawn.map_or(stream, |first| first.min(stream)));
        }
        is_unwritten
    }

    /// Whether a request comes after a withdrawn one, so that it is not passed on.
    pub(super) fn shuts_out(&self, stream: u32) -> bool {
        stream > self.last && self.withdrawn.is_some_and(|first| first <= stream)
    }

    /// Passes bytes on as far as they may be written. From the first withdrawn request on, only bytes of earlier requests and of the
    /// connection pass. The library takes the rest for written.
    pub(super) fn pass(
        &mut self,
        bytes: &[u8],
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let State::Open = self.state {
            match self.turn(bytes) {
                Turn::NotYet => {}
                Turn::After(0, first) => self.state = State::Sieved(Sieve::new(first)),
                Turn::After(length, _) => return self.pass_open(&bytes[..length], write),
                Turn::Begun => self.state = State::Closed,
            }
        }
        match &mut self.state {
            State::Open => self.pass_open(bytes, write),
            State::Sieved(sieve) => sieve.pass(bytes, &mut write),
            State::Closed => Poll::Ready(Ok(bytes.len())),
        }
    }

    /// Writes bytes that were taken and are not written yet.
    pub(super) fn flush(
        &mut self,
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Sieved(sieve) => sieve.flush(&mut write),
            State::Open | State::Closed => Poll::Ready(Ok(())),
        }
    }

    fn pass_open(
        &mut self,
        bytes: &[u8],
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let count = ready!(write(bytes))?;
        let last = &mut self.last;
        self.passed.read(&bytes[..count], |frame| {
            if let Frame::Headers { stream } = frame {
                *last = stream.max(*last);
            }
        });
        Poll::Ready(Ok(count))
    }

    /// Where in these bytes the first withdrawn request begins.
    fn turn(&self, bytes: &[u8]) -> Turn {
        let Some(first) = self.withdrawn else { return Turn::NotYet };
        let (mut ahead, mut is_withdrawn) = (self.passed.clone(), false);
        for (at, byte) in bytes.iter().enumerate() {
            ahead.read(std::slice::from_ref(byte), |frame| {
                is_withdrawn |= matches!(frame, Frame::Headers { stream } if stream >= first);
            });
            if is_withdrawn {
                return (at + 1).checked_sub(HEAD).map_or(Turn::Begun, |length| Turn::After(length, first));
            }
        }
        Turn::NotYet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes bytes on to a wire that takes at most `at_once` of them at a time.
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
        let flushed = gate.flush(|bytes| {
            let count = bytes.len().min(at_once);
            taken.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        });
        assert!(matches!(flushed, Poll::Ready(Ok(()))));
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
        let (end, ping) = ([0, 0, 0, 0, 1, 0, 0, 0, 1], [0, 0, 1, 6, 1, 0, 0, 0, 0, 9]);
        let of_others = [&data(1)[..], &ping, &end].concat();
        let all = [&allowed[..], &headers(3), &data(1), &ping, &data(3), &headers(5), &end].concat();
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
                    // The first request was withdrawn too, and the connection's own frames are passed on.
                    ..=24 => [&greeting[..], &ping].concat(),
                    25..33 => all[..before].to_vec(),
                    _ if is_written => all.clone(),
                    _ if before > allowed.len() => all[..before].to_vec(),
                    _ => [&allowed[..], &of_others].concat(),
                };
                assert_eq!(taken, expected, "{before} in pieces of {at_once}");
            }
        }
    }

    #[test]
    fn bytes_that_the_wire_does_not_take_are_not_written() {
        let mut gate = Gate::new();
        pass(&mut gate, &[b'P'; 24], 24, &mut vec![]);
        assert!(gate.pass(&headers(1), |_| Poll::Pending).is_pending());
        assert!(gate.withdraw(1) && !gate.shuts_out(0));
        let (mut bytes, nothing) = (&headers(1)[..], |_: &[u8]| panic!("it is written"));
        while let Poll::Ready(Ok(count @ 1..)) = gate.pass(bytes, nothing) {
            bytes = &bytes[count..];
        }
        assert!(bytes.is_empty());
        assert!(gate.shuts_out(3));
    }
}
