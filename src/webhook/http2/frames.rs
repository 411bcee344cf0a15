//! The frames of a connection, read as evidence. The library, which makes and takes them, reads them too.
//!
//! RFC 9113 says when a receiver cannot have looked at a request: its stream comes after the last one of a GOAWAY (6.8), or its HEADERS
//! were never written. The library reports an error, but not these facts.

/// The greeting of a client, before its first frame (RFC 9113, 3.4).
const GREETING: usize = 24;
/// The head of a frame (RFC 9113, 4.1).
pub(super) const HEAD: usize = 9;
/// The most bytes of a payload that are read: the last stream of a GOAWAY, and its error code.
const LOOKED_AT: usize = 8;

/// A frame, as far as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Begins a stream, or ends its answer.
    Headers { stream: u32 },
    /// The other side's demands. Its acknowledgement of our demands does not count.
    Settings,
    /// No stream after this one was or will be looked at.
    GoAway { last: u32 },
    /// Any other frame, of which nothing is read.
    Other,
}

/// Finds the frames in the bytes of one direction, wherever these are cut.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// Bytes that are skipped: of the greeting, or of a payload.
    skip: usize,
    /// The head of a frame, and the part of its payload that is read.
    seen: [u8; HEAD + LOOKED_AT],
    have: usize,
}

impl Scan {
    /// The bytes that a client writes.
    pub(super) fn of_client() -> Self {
        Self { skip: GREETING, ..Self::of_server() }
    }

    /// The bytes that a server writes.
    pub(super) fn of_server() -> Self {
        Self { skip: 0, seen: [0; HEAD + LOOKED_AT], have: 0 }
    }

    /// Reads the next bytes, and reports the frames in them.
    pub(super) fn read(&mut self, mut bytes: &[u8], mut found: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            (self.skip, bytes) = (self.skip - skipped, &bytes[skipped..]);
            let wanted = HEAD + self.looked_at();
            let taken = (wanted - self.have).min(bytes.len());
            self.seen[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            (self.have, bytes) = (self.have + taken, &bytes[taken..]);
            // The head tells how much of the payload is wanted.
            if self.have >= HEAD && self.have == HEAD + self.looked_at() {
                found(self.frame());
                self.skip = self.length() - self.looked_at();
                self.have = 0;
            }
        }
    }

    fn length(&self) -> usize {
        let [high, middle, low, ..] = self.seen;
        u32::from_be_bytes([0, high, middle, low]) as usize
    }

    /// How much of the payload is read, once the head is known.
    fn looked_at(&self) -> usize {
        const GOAWAY: u8 = 7;
        if self.have >= HEAD && self.seen[3] == GOAWAY { self.length().min(LOOKED_AT) } else { 0 }
    }

    fn frame(&self) -> Frame {
        const ACK: u8 = 1;
        let number = |at: usize| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|byte| self.seen[at + byte]);
            u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff
        };
        match (self.seen[3], self.seen[4]) {
            (1, _) => Frame::Headers { stream: number(5) },
            (4, flags) if flags & ACK == 0 => Frame::Settings,
            (7, _) if self.length() >= LOOKED_AT => Frame::GoAway { last: number(HEAD) },
            _ => Frame::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_wherever_the_bytes_are_cut() {
        let mut bytes = vec![];
        for (kind, flags, stream, payload) in [
            (4, 0, 0, &[0; 6][..]),
            (1, 5, 3, b"head"),
            (0, 1, 3, b""),
            (4, 1, 0, b""),
            (7, 0, 0, b"\0\0\0\x07\0\0\0\x01text"),
            (1, 4, 9, b""),
        ] {
            bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
            bytes.extend_from_slice(&[kind, flags, 0, 0, 0, stream]);
            bytes.extend_from_slice(payload);
        }
        let expected = [
            Frame::Settings,
            Frame::Headers { stream: 3 },
            Frame::Other,
            Frame::Other,
            Frame::GoAway { last: 7 },
            Frame::Headers { stream: 9 },
        ];
        for size in 1..=bytes.len() {
            let (mut scan, mut found) = (Scan::of_server(), vec![]);
            bytes.chunks(size).for_each(|chunk| scan.read(chunk, |frame| found.push(frame)));
            assert_eq!(found, expected, "in pieces of {size}");
            let greeted = [&[b'P'; GREETING][..], &bytes].concat();
            let (mut scan, mut found) = (Scan::of_client(), vec![]);
            greeted.chunks(size).for_each(|chunk| scan.read(chunk, |frame| found.push(frame)));
            assert_eq!(found, expected, "after the greeting, in pieces of {size}");
        }
    }
}
