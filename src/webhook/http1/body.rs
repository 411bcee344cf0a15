//! The body of an answer over HTTP/1, taken out of its framing.

use bytes::{Buf as _, Bytes, BytesMut};

use super::head::Framing;

/// The longest line of a size or a trailer, in bytes.
const MAX_LINE: usize = 4_096;

/// The result of reading the bytes that are there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Data(Bytes),
    End,
    /// More has to be read.
    More,
    /// The framing is broken: the bytes that follow belong to nothing.
    Broken,
}

/// How far the body was read.
#[derive(Debug)]
pub(super) enum Body {
    /// This many bytes are still to come.
    Left(u64),
    /// The body goes on until the connection ends.
    Endless,
    /// The line with a chunk's size comes next.
    Size,
    /// This many bytes of a chunk are still to come.
    Chunk(u64),
    /// The line end after a chunk comes next.
    AfterChunk,
    /// The lines after the last chunk come next.
    Trailers,
}

impl Body {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Left(length),
            Framing::Chunked => Self::Size,
            Framing::UntilClose => Self::Endless,
        }
    }

    /// Takes the next piece of the body off the bytes that were read.
    pub(super) fn take(&mut self, bytes: &mut BytesMut) -> Piece {
        loop {
            match self {
                Self::Left(0) => return Piece::End,
                Self::Left(left) | Self::Chunk(left) if bytes.is_empty() && *left > 0 => return Piece::More,
                Self::Chunk(0) => *self = Self::AfterChunk,
                Self::Left(left) | Self::Chunk(left) => {
                    let size = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= size as u64;
                    return Piece::Data(bytes.split_to(size).freeze());
                }
                Self::Endless if bytes.is_empty() => return Piece::More,
                Self::Endless => return Piece::Data(bytes.split().freeze()),
                Self::Size | Self::AfterChunk | Self::Trailers => {
                    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                        return if bytes.len() > MAX_LINE { Piece::Broken } else { Piece::More };
                    };
                    let line = bytes.split_to(end);
                    bytes.advance(1);
                    match self.line(line.trim_ascii_end()) {
                        Some(Self::Left(0)) => return Piece::End,
                        Some(next) => *self = next,
                        None => return Piece::Broken,
                    }
                }
            }
        }
    }

    /// The state after this line; `None` if no such line can be here.
    fn line(&self, line: &[u8]) -> Option<Self> {
        match self {
            Self::Size => {
                let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
                // `from_str_radix` would accept a sign.
                let hex = digits.iter().all(u8::is_ascii_hexdigit);
                match u64::from_str_radix(str::from_utf8(digits).ok().filter(|_| hex)?, 16).ok()? {
                    0 => Some(Self::Trailers),
                    size => Some(Self::Chunk(size)),
                }
            }
            Self::AfterChunk => line.is_empty().then_some(Self::Size),
            Self::Trailers if line.is_empty() => Some(Self::Left(0)),
            Self::Trailers => Some(Self::Trailers),
            Self::Left(_) | Self::Chunk(_) | Self::Endless => None,
        }
    }
}
