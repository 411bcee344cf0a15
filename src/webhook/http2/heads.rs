//! The heads of answers over HTTP/2, made plain before the library sees them.
//!
//! The library fails the stream of a head that it objects to, such as one with a control byte in a value or one that is too long, and may
//! end the connection with all its calls, although the status could have been read. So each block of header fields is decoded here, and the
//! library gets a block with the status and the few fields that matter. All other frames pass unchanged.

use bytes::{BufMut as _, BytesMut};
use loona_hpack::Decoder;

use super::frames::{Frame, HEAD, Scan};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// The most bytes of a block of fields, compressed.
const MAX_BLOCK: usize = 262_144;
/// The table size, in bytes, of a decoder that has not asked for another one (RFC 9113, 6.5.2).
const TABLE: usize = 4_096;
/// The longest value of a field that matters, in bytes.
const MAX_VALUE: usize = 1_024;

/// The compression state of the fields is broken, so that the fields of no other answer on the connection can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP/2: header fields cannot be decoded")]
pub(super) struct Undecodable;

pub(super) struct Heads {
    decoder: Decoder<'static>,
    scan: Scan,
    /// An incomplete frame: its head, and its payload if it is a frame with fields.
    frame: BytesMut,
    /// Bytes of other frames that are still to pass.
    pass: usize,
    /// The block that is being read: its stream, its flags and its fragments.
    block: Option<(u32, u8, BytesMut)>,
}

impl Heads {
    pub(super) fn new() -> Self {
        let mut decoder = Decoder::new();
        decoder.set_max_allowed_table_size(TABLE);
        Self { decoder, scan: Scan::of_server(), frame: BytesMut::new(), pass: 0, block: None }
    }

    /// Takes bytes from the receiver, reports the frames in them, and adds to `plain` the bytes that the library is to read.
    pub(super) fn read(
        &mut self,
        mut bytes: &[u8],
        plain: &mut BytesMut,
        found: impl FnMut(Frame),
    ) -> Result<(), Undecodable> {
        self.scan.read(bytes, found);
        while !bytes.is_empty() {
            let passed = self.pass.min(bytes.len());
            plain.extend_from_slice(&bytes[..passed]);
            (self.pass, bytes) = (self.pass - passed, &bytes[passed..]);
            let wanted = if self.frame.len() < HEAD { HEAD } else { HEAD + self.length() };
            let taken = (wanted - self.frame.len()).min(bytes.len());
            self.frame.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.frame.len() < HEAD {
                continue;
            }
            if !matches!(self.frame[3], HEADERS | CONTINUATION) {
                self.pass = self.length();
                plain.unsplit(self.frame.split());
            } else if self.length() > MAX_BLOCK {
                return Err(Undecodable);
            } else if self.frame.len() == HEAD + self.length() {
                self.fields(plain)?;
                self.frame.clear();
            }
        }
        Ok(())
    }

    fn length(&self) -> usize {
        u32::from_be_bytes([0, self.frame[0], self.frame[1], self.frame[2]]) as usize
    }

    /// Handles a complete frame with fields.
    fn fields(&mut self, plain: &mut BytesMut) -> Result<(), Undecodable> {
        let (kind, flags) = (self.frame[3], self.frame[4]);
        let stream = u32::from_be_bytes([self.frame[5] & 0x7f, self.frame[6], self.frame[7], self.frame[8]]);
        let payload = &self.frame[HEAD..];
        let fragment = if kind == HEADERS { unpadded(payload, flags).ok_or(Undecodable)? } else { payload };
        match (&mut self.block, kind) {
            (None, HEADERS) => self.block = Some((stream, flags, BytesMut::from(fragment))),
            (Some((begun, _, block)), CONTINUATION) if *begun == stream => block.extend_from_slice(fragment),
            _ => return Err(Undecodable),
        }
        if self.block.as_ref().is_some_and(|(_, _, block)| block.len() > MAX_BLOCK) {
            return Err(Undecodable);
        }
        if flags & END_HEADERS != 0
            && let Some((stream, flags, block)) = self.block.take()
        {
            self.plain(stream, flags & END_STREAM, &block, plain)?;
        }
        Ok(())
    }

    fn plain(
        &mut self,
        stream: u32,
        ends: u8,
        block: &[u8],
        plain: &mut BytesMut,
    ) -> Result<(), Undecodable> {
        // One field of each name: one byte may refer to a value of a kilobyte, and a block has many bytes.
        let [mut status, mut retry_after, mut proxy_status] = [(); 3].map(|()| BytesMut::new());
        let (mut has_status, mut is_odd) = (false, false);
        let decoded = self.decoder.decode_with_cb(block, |name, value| {
            let is_kept = value.len() <= MAX_VALUE && value.iter().all(is_text);
            match &*name {
                b":status" if !has_status && value.len() == 3 && value.iter().all(u8::is_ascii_digit) => {
                    has_status = true;
                    field(&mut status, &name, &value);
                }
                b":status" => is_odd = true,
                // Of repeated fields, the one that `Fields` would keep counts.
                b"retry-after" if is_kept && retry_after.is_empty() => {
                    field(&mut retry_after, &name, &value);
                }
                b"proxy-status" if is_kept => {
                    proxy_status.clear();
                    field(&mut proxy_status, &name, &value);
                }
                _ => {}
            }
        });
        decoded.map_err(|_| Undecodable)?;
        if is_odd || (!has_status && ends == 0) {
            // This answer has no clear status. The other answers are not affected, so only its stream is reset.
            const PROTOCOL_ERROR: u32 = 1;
            head(plain, 4, RST_STREAM, 0, stream);
            plain.put_u32(PROTOCOL_ERROR);
            return Ok(());
        }
        // Fields after a body include no status, and no field that matters.
        let fields = if has_status { [retry_after, proxy_status].concat() } else { vec![] };
        head(plain, (status.len() + fields.len()) as u32, HEADERS, END_HEADERS | ends, stream);
        // The library wants the status first, wherever the receiver put it (RFC 9113, 8.3).
        plain.unsplit(status);
        plain.extend_from_slice(&fields);
        Ok(())
    }
}

/// The fragment in a frame with fields, without padding and priority (RFC 9113, 6.2).
fn unpadded(payload: &[u8], flags: u8) -> Option<&[u8]> {
    let (mut rest, mut padding) = (payload, 0);
    if flags & PADDED != 0 {
        let (length, after) = rest.split_first()?;
        (rest, padding) = (after, usize::from(*length));
    }
    if flags & PRIORITY != 0 {
        rest = rest.get(5..)?;
    }
    rest.get(..rest.len().checked_sub(padding)?)
}

fn is_text(byte: &u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Adds a field that is not compressed and not kept in the table (RFC 7541, 6.2.2).
fn field(into: &mut BytesMut, name: &[u8], value: &[u8]) {
    into.put_u8(0);
    string(into, name);
    string(into, value);
}

/// Adds a string as it is, after its length as an integer with a prefix of 7 bits (RFC 7541, 5.1).
fn string(into: &mut BytesMut, text: &[u8]) {
    const PREFIX: usize = 127;
    match text.len().checked_sub(PREFIX) {
        None => into.put_u8(text.len() as u8),
        Some(mut rest) => {
            into.put_u8(PREFIX as u8);
            while rest >= 128 {
                into.put_u8((rest % 128 + 128) as u8);
                rest /= 128;
            }
            into.put_u8(rest as u8);
        }
    }
    into.extend_from_slice(text);
}

fn head(into: &mut BytesMut, length: u32, kind: u8, flags: u8, stream: u32) {
    into.extend_from_slice(&length.to_be_bytes()[1..]);
    into.extend_from_slice(&[kind, flags]);
    into.put_u32(stream);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        head(&mut bytes, payload.len() as u32, kind, flags, stream);
        [&bytes, payload].concat()
    }

    fn block(fields: &[(&str, &[u8])]) -> Vec<u8> {
        let mut block = BytesMut::new();
        fields.iter().for_each(|(name, value)| field(&mut block, name.as_bytes(), value));
        block.to_vec()
    }

    /// The bytes that the library reads. They are the same wherever the input is cut.
    fn plain(bytes: &[u8]) -> Result<Vec<u8>, Undecodable> {
        let read = |size: usize| {
            let (mut heads, mut plain) = (Heads::new(), BytesMut::new());
            bytes
                .chunks(size)
                .try_for_each(|chunk| heads.read(chunk, &mut plain, |_| ()))
                .map(|()| plain.to_vec())
        };
        let whole = read(bytes.len());
        (1..bytes.len().min(40)).for_each(|size| assert_eq!(read(size), whole, "in pieces of {size}"));
        whole
    }

    #[test]
    fn a_head_is_made_of_its_status_and_the_fields_that_matter() {
        let odd: [(&str, &[u8]); 4] =
            [("x-a", b"a\x01b"), ("X-Upper", b"c"), ("connection", b"close"), ("content-length", b"")];
        let fields = [&[(":status", &b"200"[..])], &odd[..], &[("retry-after", b"7")]].concat();
        let expected = frame(HEADERS, END_HEADERS, 1, &block(&[(":status", b"200"), ("retry-after", b"7")]));
        let whole = block(&fields);
        assert_eq!(plain(&frame(HEADERS, END_HEADERS, 1, &whole)).unwrap(), expected);
        let late = [&odd[..], &[("retry-after", b"7"), (":status", b"200")]].concat();
        assert_eq!(plain(&frame(HEADERS, END_HEADERS, 1, &block(&late))).unwrap(), expected);
        let (first, rest) = whole.split_at(9);
        let padded = [&[3, 0, 0, 0, 0, 9][..], first, &[0; 3]].concat();
        let parts = [
            frame(HEADERS, PADDED | PRIORITY, 1, &padded),
            frame(CONTINUATION, 0, 1, rest),
            frame(CONTINUATION, END_HEADERS, 1, b""),
        ];
        assert_eq!(plain(&parts.concat()).unwrap(), expected);
        let huge = block(&[(":status", b"200"), ("x-a", &[b'y'; 100_000]), ("retry-after", b"7")]);
        let pieces: Vec<_> = huge.chunks(16_384).collect();
        let mut bytes = frame(HEADERS, 0, 1, pieces[0]);
        pieces[1..].iter().for_each(|piece| bytes.extend(frame(CONTINUATION, 0, 1, piece)));
        bytes.extend(frame(CONTINUATION, END_HEADERS, 1, b""));
        assert_eq!(plain(&bytes).unwrap(), expected);
    }

    #[test]
    fn a_field_that_is_there_many_times_takes_the_place_of_one() {
        let [first, last] = [b"first", b"last."].map(|start| [&start[..], &[b'.'; MAX_VALUE - 5]].concat());
        let mut fields: Vec<(&str, &[u8])> = vec![(":status", b"200")];
        fields.extend([("retry-after", &first[..]), ("proxy-status", &first)]);
        for _ in 0..100 {
            fields.extend([("retry-after", &last[..]), ("proxy-status", &last)]);
        }
        let kept = [(":status", &b"200"[..]), ("retry-after", &first), ("proxy-status", &last)];
        let answer = frame(HEADERS, END_HEADERS, 1, &block(&kept));
        assert_eq!(plain(&frame(HEADERS, END_HEADERS, 1, &block(&fields))).unwrap(), answer);
        assert!(answer.len() < 16_384, "the longest frame that may be sent (RFC 9113, 6.5.2)");
    }

    #[test]
    fn other_frames_pass_and_an_odd_status_ends_its_stream_alone() {
        let others = [frame(0, 1, 1, b"body"), frame(4, 0, 0, &[0; 6]), frame(7, 0, 0, &[0; 8])].concat();
        assert_eq!(plain(&others).unwrap(), others);
        let after = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[("x-sum", b"1")]));
        assert_eq!(plain(&after).unwrap(), frame(HEADERS, END_HEADERS | END_STREAM, 1, b""));
        for fields in
            [&[("x-a", &b"b"[..])][..], &[(":status", b"2OO")], &[(":status", b"200"), (":status", b"200")]]
        {
            let reset = frame(RST_STREAM, 0, 3, &[0, 0, 0, 1]);
            assert_eq!(plain(&frame(HEADERS, END_HEADERS, 3, &block(fields))).unwrap(), reset, "{fields:?}");
        }
        // An index past the end of the table.
        assert_eq!(plain(&frame(HEADERS, END_HEADERS, 3, &[0xff, 0x7f])), Err(Undecodable));
        assert_eq!(plain(&frame(CONTINUATION, END_HEADERS, 3, b"")), Err(Undecodable));
    }
}
